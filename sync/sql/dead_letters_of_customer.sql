SELECT milliseconds(at) AS at_ms, partition, epoch, sequence, fact, error
FROM dead_letters
WHERE position($1::bytea IN fact) > 0
ORDER BY id
LIMIT $2
