SELECT pg_advisory_xact_lock(hashtextextended('creation ' || $1::text, 0))
