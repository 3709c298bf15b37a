UPDATE webhooks SET old_secret = secret, old_secret_until = now() + $3 * interval '1 second', secret = $2
WHERE id = $1
RETURNING *
