-- What is null stays.
UPDATE webhooks SET
  url = coalesce($2, url),
  events = coalesce($3::text[], events),
  description = coalesce($4, description),
  enabled = coalesce($5, enabled),
  gone_at = CASE WHEN $5 THEN NULL ELSE gone_at END
WHERE id = $1
RETURNING *
