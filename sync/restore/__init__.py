"""An empty Redis, or one that lost partitions, gets what Postgres knows."""
