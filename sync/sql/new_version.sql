-- Says that the event is not published as it is here, until it is published with this version. Nothing unless its revision
-- is one of $2; null: whatever it is.
UPDATE events SET version = nextval('event_versions')
WHERE id = $1 AND ($2::bigint[] IS NULL OR revision = ANY ($2))
RETURNING id
