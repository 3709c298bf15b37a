"""The catalogue in Postgres and its publication to Redis."""
