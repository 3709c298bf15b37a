-- Nothing unless its revision is one of $2; null: whatever it is.
DELETE FROM webhooks WHERE id = $1 AND ($2::bigint[] IS NULL OR revision = ANY ($2)) RETURNING id
