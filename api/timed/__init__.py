"""Timed entry over HTTP: slots and bookings."""
