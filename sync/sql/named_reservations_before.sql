-- Reservations with names that ended, and whose event and slots began, so many seconds ago. A slot's time is local: a day
-- more is enough for any time zone. An e-ticket has the names of its reservation, which go last, or those of a transfer, which
-- raised the issue. The array: Postgres would guess that most rows have names, and read the table.
WITH due AS (
  SELECT now() - make_interval(secs => $3) AS instant
), named AS (
  SELECT id FROM reservations
  WHERE event_id % $1 = $2 AND ended_at IS NOT NULL AND ended_at < (SELECT instant FROM due) AND details::text <> '{}'
  UNION
  SELECT reservation_id FROM etickets WHERE event_id % $1 = $2 AND issue > 0 AND holder::text <> '{}'
)
SELECT r.id
FROM reservations AS r
LEFT JOIN events AS e ON e.id = r.event_id
CROSS JOIN due
WHERE r.id = ANY (ARRAY(SELECT id FROM named))
  AND r.ended_at < due.instant
  AND coalesce(e.starts_at < due.instant, true)
  AND NOT EXISTS (
    SELECT FROM reservation_items AS i
    WHERE i.reservation_id = r.id AND i.pool LIKE 'slot:%'
      AND substr(i.pool, 6)::timestamp > timestamp 'epoch' + make_interval(secs => extract(epoch FROM due.instant)) - interval '1 day'
  )
ORDER BY r.ended_at
LIMIT $4
