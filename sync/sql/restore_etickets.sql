-- E-tickets, with the passes of each in order of time: {ms, direction, gate}...
SELECT
  t.event_id, t.number, t.reservation_id, t.ticket_id, t.pool, t.seat, t.issue, t.status, t.holder::text AS holder,
  coalesce(milliseconds(t.first_in_at), 0) AS first_in_ms, milliseconds(t.changed_at) AS changed_ms, t.transfer_id,
  (
    SELECT coalesce(
      json_agg(json_build_array(milliseconds(c.scanned_at), c.direction, c.gate) ORDER BY c.scanned_at, c.place), '[]'
    )
    FROM check_ins AS c
    WHERE c.event_id = t.event_id AND c.number = t.number AND c.result = 'admitted'
  )::text AS passes
FROM etickets AS t
WHERE t.event_id = ANY ($1::integer[])
ORDER BY t.event_id, t.number
