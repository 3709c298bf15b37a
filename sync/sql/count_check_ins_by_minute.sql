-- The last $2 minutes in which somebody passed a gate of the event, the oldest first.
SELECT minute, entered, left_again
FROM (
  SELECT
    date_trunc('minute', scanned_at) AS minute,
    count(*) FILTER (WHERE direction = 'in') AS entered,
    count(*) FILTER (WHERE direction = 'out') AS left_again
  FROM check_ins
  WHERE event_id = $1 AND result = 'admitted'
  GROUP BY 1
  ORDER BY 1 DESC
  LIMIT $2
) AS newest
ORDER BY minute
