CREATE TABLE erasures (
  customer_id text PRIMARY KEY,
  requested_at timestamptz NOT NULL,
  done_at timestamptz
);
COMMENT ON TABLE erasures IS 'Customers whose names, phones and contacts are to be erased. The sync worker does it.';
COMMENT ON COLUMN erasures.requested_at IS 'By the clock of Redis: what was created later stays.';
COMMENT ON COLUMN erasures.done_at IS 'When nothing of before was left; null: something may be.';

CREATE INDEX reservations_named ON reservations (ended_at) WHERE ended_at IS NOT NULL AND details::text <> '{}';
CREATE INDEX bookings_by_customer ON bookings (customer_id) WHERE customer_id <> '';
CREATE INDEX webhook_deliveries_by_subject ON webhook_deliveries (subject);
CREATE INDEX audit_log_of_resource ON audit_log (resource);
