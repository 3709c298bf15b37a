-- What nobody looks for any more goes on the way, but for what another request deletes: neither waits for the other.
WITH old AS (
  SELECT request FROM creations
  WHERE request <> $1 AND made_at <= now() - make_interval(secs => $3)
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM creations AS c USING old WHERE c.request = old.request
)
INSERT INTO creations (request, made) VALUES ($1, $2)
ON CONFLICT (request) DO UPDATE SET made = excluded.made, made_at = now()
