SELECT id AS event_id, version, revision, {snapshot_columns}, milliseconds(cancelled_at) AS cancelled_ms
FROM events WHERE id = $1
