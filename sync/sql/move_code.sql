UPDATE codes SET terms_id = $3 WHERE event_id = $1 AND code = $2
