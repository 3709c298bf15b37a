"""Postgres: migrations, catalogue, outbox to tables, read models, and the work that the clock drives."""
