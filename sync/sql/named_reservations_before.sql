-- Reservations with names that ended, and whose event and slots began, so many seconds ago. A slot's time is local: a day
-- more is enough for any time zone.
SELECT r.id
FROM reservations AS r
LEFT JOIN events AS e ON e.id = r.event_id
CROSS JOIN LATERAL (SELECT now() - make_interval(secs => $3) AS instant) AS due
WHERE r.event_id % $1 = $2
  AND r.ended_at < due.instant 
  AND (
    r.details::text <> '{}'
    OR EXISTS (SELECT FROM etickets AS t WHERE t.reservation_id = r.id AND t.holder::text <> '{}')
  )
  AND coalesce(e.starts_at < due.instant, true)
  AND NOT EXISTS (
    SELECT FROM reservation_items AS i
    WHERE i.reservation_id = r.id AND i.pool LIKE 'slot:%'
      AND substr(i.pool, 6)::timestamp > timestamp 'epoch' + make_interval(secs => extract(epoch FROM due.instant)) - interval '1 day'
  )
ORDER BY r.ended_at
LIMIT $4
