ALTER TABLE outbox_offsets ADD COLUMN id_secret text NOT NULL DEFAULT '';
COMMENT ON COLUMN outbox_offsets.id_secret IS
  'Of the ids that Idempotency-Keys name (engine/ids.py), as Redis has it, so that repeats are known after a restore.';
