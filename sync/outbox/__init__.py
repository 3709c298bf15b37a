"""The outbox: from the stream of facts of each partition to rows in Postgres."""
