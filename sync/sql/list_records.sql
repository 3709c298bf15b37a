WITH page AS (
  SELECT r.id
  FROM reservations AS r
  WHERE ($1::integer IS NULL OR r.event_id = $1)
    AND ($6::integer[] IS NULL OR r.event_id = ANY ($6))
    AND ($2::text IS NULL OR r.customer_id = $2)
    AND ($3::text IS NULL OR r.status = $3)
    AND ($4::bigint IS NULL OR (r.created_at, r.id) < (instant($4), $5::text))
  ORDER BY r.created_at DESC, r.id DESC
  LIMIT $7
)
SELECT id, record
FROM reservation_records JOIN page USING (id)
ORDER BY created_at DESC, id DESC
