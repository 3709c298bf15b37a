-- What nobody looks for any more goes on the way.
WITH old AS (DELETE FROM creations WHERE request <> $1 AND made_at <= now() - make_interval(secs => $3))
INSERT INTO creations (request, made) VALUES ($1, $2)
ON CONFLICT (request) DO UPDATE SET made = excluded.made, made_at = now()
