-- What still waits is left as it is.
UPDATE webhook_deliveries SET
  status = 'pending',
  attempts = CASE WHEN status = 'pending' THEN attempts ELSE 0 END,
  next_at = CASE WHEN status = 'pending' THEN next_at ELSE now() END,
  since = CASE WHEN status = 'pending' THEN since ELSE now() END,
  ended_at = NULL
WHERE webhook_id = $1 AND id = $2
RETURNING *
