"""Payments: charge, refund and settle reservations and carts. Knows the engine and the gateway; no SQL."""
