INSERT INTO dead_letters (partition, epoch, sequence, fact, error)
SELECT $1, epoch, sequence, fact, error
FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::text[]) AS told (epoch, sequence, fact, error)
