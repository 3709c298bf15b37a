SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(d.created_at)), 0)::float8 AS oldest_seconds
FROM webhook_deliveries AS d
JOIN webhooks AS w ON w.id = d.webhook_id AND w.enabled
WHERE d.status = 'pending'
