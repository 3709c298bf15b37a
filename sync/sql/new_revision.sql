-- The event is changed: it has a version of its own, and so have those of its tickets ($2) that are.
WITH changed AS (
  UPDATE events SET (version, revision) = (SELECT number, number FROM nextval('event_versions') AS number)
  WHERE id = $1
  RETURNING id, revision
), tickets_changed AS (
  UPDATE tickets AS t SET revision = changed.revision
  FROM changed
  WHERE t.event_id = changed.id AND t.id = ANY ($2::integer[])
)
SELECT id FROM changed
