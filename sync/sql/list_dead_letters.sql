SELECT id, milliseconds(at) AS at_ms, partition, epoch, sequence, error, length(fact) AS bytes
FROM dead_letters
WHERE $1::bigint IS NULL OR id < $1
ORDER BY id DESC
LIMIT $2
