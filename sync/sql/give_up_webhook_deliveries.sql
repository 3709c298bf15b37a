-- What waits behind a failing endpoint, or for a disabled one, is not tried in turn when its $1 seconds are up. A minute
-- later, so that an attempt that is due just then is made. A slice, but for those that somebody writes; returns how many died.
WITH late AS (
  SELECT id FROM webhook_deliveries
  WHERE status = 'pending' AND since < now() - ($1 + 60) * interval '1 second'
  LIMIT $2
  FOR UPDATE SKIP LOCKED
),
given_up AS (
  UPDATE webhook_deliveries AS d
  SET status = 'dead', ended_at = now(), error = CASE WHEN d.error = '' THEN 'not sent in time' ELSE d.error END
  FROM late WHERE d.id = late.id
  RETURNING d.id
)
SELECT count(*) FROM given_up
