-- Events of which somebody waits or is offered places, or was until $1 seconds ago.
SELECT DISTINCT event_id
FROM waiting_entries
WHERE status IN ('waiting', 'offered') OR ended_at > now() - make_interval(secs => $1)
ORDER BY event_id
