ALTER TABLE events ADD COLUMN waiting_room jsonb CHECK (jsonb_typeof(waiting_room) = 'object');
COMMENT ON COLUMN events.waiting_room IS
  'Its waiting room, as it is published: opens_ms, pass_seconds, places_per_pass, max_inside, per_minute; null: it has none.';
