SELECT id FROM reservations
WHERE event_id % $1 = $2 AND id <> ALL ($3::text[]) AND status IN ('held', 'paying')
