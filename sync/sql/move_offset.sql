-- Compare-and-set: nothing is returned if the entries after the position before were written already.
UPDATE outbox_offsets SET epoch = $4, sequence = $5
WHERE partition = $1 AND epoch = $2 AND sequence = $3
RETURNING partition
