SELECT
  count(*) AS waiting,
  coalesce(extract(epoch FROM now() - min(d.created_at)), 0)::float8 AS oldest_seconds,
  (SELECT count(*) FROM webhooks WHERE NOT enabled AND gone_at IS NOT NULL) AS endpoints_off
FROM webhook_deliveries AS d
JOIN webhooks AS w ON w.id = d.webhook_id AND w.enabled
WHERE d.status = 'pending'
