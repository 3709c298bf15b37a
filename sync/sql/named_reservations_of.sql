SELECT id
FROM reservations AS r
WHERE customer_id = $1 AND created_at <= instant($2)
  AND (
    details::text <> '{}'
    OR EXISTS (SELECT FROM etickets AS t WHERE t.reservation_id = r.id AND t.holder::text <> '{}')
  )
LIMIT $3
