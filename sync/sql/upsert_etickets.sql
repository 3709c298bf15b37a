INSERT INTO etickets AS known (
  event_id, number, reservation_id, ticket_id, pool, seat, issue, status, holder, transfer_id, first_in_at, changed_at
)
SELECT
  event_id, number, reservation_id, ticket_id, pool, seat, issue, status, holder::json, transfer_id,
  instant(nullif(first_in_ms, 0)), instant(changed_ms)
FROM unnest($1::eticket_row[]) AS told
ON CONFLICT (event_id, number) DO UPDATE SET
  issue = excluded.issue,
  status = excluded.status,
  holder = excluded.holder,
  transfer_id = excluded.transfer_id,
  first_in_at = excluded.first_in_at,
  changed_at = excluded.changed_at
