-- Nothing is returned if there are $5 already.
INSERT INTO webhooks (url, events, description, secret)
SELECT $1, $2::text[], $3, $4
WHERE (SELECT count(*) FROM webhooks) < $5
RETURNING *
