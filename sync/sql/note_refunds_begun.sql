UPDATE event_cancellations SET refunds_begun_at = now() WHERE event_id = $1
