UPDATE events SET cancelled_at = CASE WHEN status = 'cancelled' THEN coalesce(cancelled_at, now()) END WHERE id = $1
