-- Says that the event is not published as it is here, until it is published with this version.
UPDATE events SET version = nextval('event_versions') WHERE id = $1 RETURNING id
