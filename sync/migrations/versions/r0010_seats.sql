ALTER TABLE venues ADD COLUMN revision bigint NOT NULL DEFAULT 0, ADD COLUMN published bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN venues.revision IS 'How often it was changed.';
COMMENT ON COLUMN venues.published IS 'The revision that Redis has for sure.';

ALTER TABLE seats
  ADD COLUMN label text CHECK (label <> ''),
  ADD COLUMN accessible boolean,
  ADD COLUMN companion boolean,
  ADD COLUMN restricted_view boolean,
  ADD COLUMN x double precision,
  ADD COLUMN y double precision;
COMMENT ON COLUMN seats.label IS 'What stands on it; null: its number.';
COMMENT ON COLUMN seats.accessible IS 'For people with wheelchairs; null: unknown.';
COMMENT ON COLUMN seats.companion IS 'For who accompanies them; null: unknown.';
COMMENT ON COLUMN seats.restricted_view IS 'The stage is not seen in full; null: unknown.';
COMMENT ON COLUMN seats.x IS 'Where it stands on the plan, from the left; null: unknown.';
COMMENT ON COLUMN seats.y IS 'Where it stands on the plan, from the top; null: unknown.';
