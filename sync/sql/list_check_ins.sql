SELECT
  c.place, c.number, t.ticket_id, t.holder, c.gate, c.direction, c.result, c.offline, c.scanned_at, c.recorded_at,
  c.other_gate, c.other_at
FROM check_ins AS c LEFT JOIN etickets AS t ON t.event_id = c.event_id AND t.number = c.number
WHERE c.event_id = $1
  AND ($2::text IS NULL OR c.gate = $2)
  AND ($3::text IS NULL OR c.result = $3)
  AND (
    $4::boolean IS NULL
    OR $4 = (c.other_gate IS NOT NULL OR (c.offline AND c.direction = 'in' AND c.result = 'void'))
  )
  AND ($5::bigint IS NULL OR c.place < $5)
ORDER BY c.place DESC
LIMIT $6
