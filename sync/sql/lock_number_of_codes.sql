-- Nobody else adds to the codes of the event, once they are inserted, until this transaction ends.
SELECT pg_advisory_xact_lock(7366, $1)
