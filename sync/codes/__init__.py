"""Codes: access, discount, allocation. Postgres owns them, Redis has them beside the stock of their event."""
