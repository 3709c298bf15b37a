-- What is null stays. Changes nothing unless its revision is one of $6; null: whatever it is.
UPDATE webhooks SET
  url = coalesce($2, url),
  events = coalesce($3::text[], events),
  description = coalesce($4, description),
  enabled = coalesce($5, enabled),
  revision = revision + 1,
  gone_at = CASE WHEN $5 THEN NULL ELSE gone_at END
WHERE id = $1 AND ($6::bigint[] IS NULL OR revision = ANY ($6))
RETURNING *
