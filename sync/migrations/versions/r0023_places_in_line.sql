CREATE TABLE queue_rooms (
  event_id integer PRIMARY KEY,
  secret text NOT NULL,
  opened_at timestamptz,
  cohort bigint,
  digest text,
  drawn_at timestamptz
);
COMMENT ON TABLE queue_rooms IS 'Waiting rooms: what their order is drawn by, so that it survives a restore.';
COMMENT ON COLUMN queue_rooms.secret IS 'Of the draw. Nobody but the sync worker may read it before.';
COMMENT ON COLUMN queue_rooms.cohort IS 'How many had joined when the order was drawn; null: it is not drawn yet.';
COMMENT ON COLUMN queue_rooms.digest IS 'Over the customers of the cohort, in the order in which they joined.';

CREATE TABLE queue_places (
  event_id integer NOT NULL,
  number bigint NOT NULL,
  customer_id text NOT NULL,
  joined_at timestamptz,
  entered_at timestamptz,
  left_at timestamptz,
  PRIMARY KEY (event_id, number)
);
COMMENT ON TABLE queue_places IS 'Who joined a waiting room.';
COMMENT ON COLUMN queue_places.number IS 'The index, in the order in which customers joined.';
COMMENT ON COLUMN queue_places.entered_at IS 'When the customer was let in last; null: never.';
COMMENT ON COLUMN queue_places.left_at IS 'When the customer gave up the place; null: it has it.';
