CREATE TABLE outbox_offsets (
  partition smallint PRIMARY KEY,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL
);
COMMENT ON TABLE outbox_offsets IS
  'The last outbox entry of each partition that is in the tables. Moves in the transaction that writes the entry''s rows.';
COMMENT ON COLUMN outbox_offsets.epoch IS 'A new one begins when the partition of Redis was made anew.';

CREATE TABLE dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition smallint NOT NULL,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  fact bytea NOT NULL,
  error text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dead_letters IS 'Facts that could not be decoded or applied, whole. Somebody has to look at each.';
COMMENT ON COLUMN dead_letters.fact IS 'The packed fact (msgpack); the packed entry if its facts cannot be told apart.';
COMMENT ON COLUMN dead_letters.error IS 'What was wrong with it.';
