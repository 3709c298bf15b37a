-- Nobody else makes an endpoint until this transaction ends.
SELECT pg_advisory_xact_lock(7367, 0)
