-- Nobody else appends to the chain until this transaction ends.
SELECT pg_advisory_xact_lock(7365, $1);
