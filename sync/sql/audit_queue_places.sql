-- The places in waiting rooms of a partition that customers have.
SELECT event_id, customer_id, number FROM queue_places WHERE event_id % $1 = $2 AND left_at IS NULL
