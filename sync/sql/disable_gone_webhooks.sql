-- Unless a manager has given it another address since.
UPDATE webhooks AS w SET enabled = false, gone_at = now(), revision = revision + 1
FROM unnest($1::integer[], $2::text[]) AS gone (id, url)
WHERE w.id = gone.id AND w.url = gone.url AND w.enabled
