WITH page AS (
  SELECT r.id
  FROM reservation_items AS i
  JOIN reservations AS r ON r.id = i.reservation_id
  WHERE i.ticket_id = $8
    AND i.first_of_ticket
    AND ($4::bigint IS NULL OR (i.created_at, i.reservation_id) < (instant($4), $5::text))
    AND ($1::integer IS NULL OR r.event_id = $1)
    AND ($6::integer[] IS NULL OR r.event_id = ANY ($6))
    AND ($2::text IS NULL OR r.customer_id = $2)
    AND ($3::text IS NULL OR r.status = $3)
  ORDER BY i.created_at DESC, i.reservation_id DESC
  LIMIT $7
)
SELECT id, record
FROM reservation_records JOIN page USING (id)
ORDER BY created_at DESC, id DESC
