-- Things are committed, and published to Redis after that. A request that failed in between is sent again.
CREATE TABLE creations (
  request text PRIMARY KEY,
  made bigint NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE creations IS 'What requests with an Idempotency-Key made, for their repeats.';
COMMENT ON COLUMN creations.request IS 'A digest of the kind of thing, the caller, the key and the body.';
COMMENT ON COLUMN creations.made IS 'The id of the event, ticket, venue, webhook or terms of codes.';
CREATE INDEX creations_by_time ON creations (made_at);
