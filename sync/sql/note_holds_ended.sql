UPDATE event_cancellations SET holds_ended_at = now() WHERE event_id = $1 AND holds_ended_at IS NULL
