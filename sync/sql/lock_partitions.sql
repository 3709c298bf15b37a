-- The partitions, of those asked for, whose lock this session has now. With none asked for, it shows that Postgres is
-- there.
SELECT partition FROM unnest($2::integer[]) AS asked (partition)
WHERE pg_try_advisory_lock($1::integer, partition)
