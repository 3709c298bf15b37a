-- Names that are still there, so that the eraser does not read all that was ever sold. It uses reservations_named likewise.
-- A column, because Postgres counts how many rows have it: without that it takes all for named, and reads the table.
ALTER TABLE etickets ADD COLUMN named boolean NOT NULL GENERATED ALWAYS AS (holder::text <> '{}') STORED;
COMMENT ON COLUMN etickets.named IS 'True if the holder has a name that can be erased.';
CREATE INDEX etickets_named ON etickets (reservation_id) WHERE named;
CREATE INDEX waiting_entries_named ON waiting_entries (ended_at) WHERE details::text <> '{}' OR contact::text <> '{}';
