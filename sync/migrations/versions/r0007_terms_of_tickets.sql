ALTER TABLE events ADD COLUMN description text CHECK (length(description) <= 10000), ADD COLUMN image_url text;
COMMENT ON COLUMN events.description IS 'Text for those who look at the event.';
COMMENT ON COLUMN events.image_url IS 'Address of its picture.';

ALTER TABLE tickets
  ADD COLUMN paused boolean NOT NULL DEFAULT false,
  ADD COLUMN hidden boolean NOT NULL DEFAULT false,
  ADD COLUMN sale_opens_at timestamptz,
  ADD COLUMN sale_closes_at timestamptz,
  ADD COLUMN min_quantity integer NOT NULL DEFAULT 1 CHECK (min_quantity > 0);
COMMENT ON COLUMN tickets.paused IS 'Its sale is interrupted.';
COMMENT ON COLUMN tickets.hidden IS 'Only its managers see it, and nobody can take places of it.';
COMMENT ON COLUMN tickets.sale_opens_at IS 'Its sale begins at this instant; null: with that of its event.';
COMMENT ON COLUMN tickets.sale_closes_at IS 'Its sale ends at this instant; null: with that of its event.';
COMMENT ON COLUMN tickets.min_quantity IS 'The least places of it that one takes at once.';
