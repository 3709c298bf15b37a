"""The audit: Redis and Postgres compared."""
