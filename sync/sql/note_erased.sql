-- Unless it was asked for again meanwhile.
UPDATE erasures SET done_at = now() WHERE customer_id = $1 AND requested_at = instant($2)
