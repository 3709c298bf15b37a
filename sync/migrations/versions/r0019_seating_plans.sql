ALTER TABLE seats ADD COLUMN external_id text CHECK (external_id <> '');
COMMENT ON COLUMN seats.external_id IS 'Its id in the seating plan that it came with; null: it came with none.';

-- Rows on both sides of an aisle may have one name in a plan; their seats have different labels then.
ALTER TABLE section_rows DROP CONSTRAINT section_rows_section_id_name_key;

CREATE TABLE venue_plans (
  venue_id integer PRIMARY KEY REFERENCES venues ON DELETE CASCADE,
  plan text NOT NULL
);
COMMENT ON TABLE venue_plans IS 'Seating plans that venues were made of, for whoever draws them.';
COMMENT ON COLUMN venue_plans.plan IS 'As it came: JSON in the format of pretix. Names and places of seats may have changed since.';
