-- Unless a manager has given it another address since. In one order, as all that writes several rows.
WITH gone AS (
  SELECT w.id
  FROM unnest($1::integer[], $2::text[]) AS told (id, url) JOIN webhooks AS w ON w.id = told.id AND w.url = told.url
  WHERE w.enabled
  ORDER BY w.id
  FOR NO KEY UPDATE OF w
)
UPDATE webhooks AS w SET enabled = false, gone_at = now(), revision = revision + 1 FROM gone WHERE w.id = gone.id
