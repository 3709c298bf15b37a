-- Compare-and-set: nothing is returned if the entries after the position before were written already.
-- $6: the time of the last fact, in ms; null: none has one.
UPDATE outbox_offsets SET epoch = $4, sequence = $5, complete_to = coalesce(instant($6), complete_to)
WHERE partition = $1 AND epoch = $2 AND sequence = $3
RETURNING partition
