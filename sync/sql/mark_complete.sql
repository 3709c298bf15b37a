-- Nothing was in the outbox after the position when Redis's clock showed $4.
UPDATE outbox_offsets SET complete_to = instant($4)
WHERE partition = $1 AND epoch = $2 AND sequence = $3
