-- What analysts read about slots (see r0003_reporting.sql).
CREATE VIEW reporting.bookings_by_slot AS
SELECT
  b.event_id,
  e.name,
  b.starts_at AS slot_starts_at,
  b.starts_at AT TIME ZONE e.timezone AS slot_local_time,
  s.capacity,
  count(*) AS bookings,
  count(*) FILTER (WHERE b.expires_at <= now()) AS expired
FROM bookings AS b
JOIN events AS e ON e.id = b.event_id
JOIN schedules AS s ON s.event_id = b.event_id
GROUP BY b.event_id, e.name, e.timezone, b.starts_at, s.capacity;
COMMENT ON VIEW reporting.bookings_by_slot IS
  'One row per slot that has free bookings. Paid places of slots are in sales_by_ticket.';
COMMENT ON COLUMN reporting.bookings_by_slot.event_id IS 'The timed event.';
COMMENT ON COLUMN reporting.bookings_by_slot.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.bookings_by_slot.slot_starts_at IS 'When the slot begins.';
COMMENT ON COLUMN reporting.bookings_by_slot.slot_local_time IS 'The same on the clocks of the event''s time zone.';
COMMENT ON COLUMN reporting.bookings_by_slot.capacity IS 'Places of each slot, as the event has it now.';
COMMENT ON COLUMN reporting.bookings_by_slot.bookings IS 'Bookings that are there; deleted ones are not.';
COMMENT ON COLUMN reporting.bookings_by_slot.expired IS 'How many of them are over.';
