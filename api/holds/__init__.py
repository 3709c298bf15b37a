"""Holds of an event, a customer or a seat, counted and released by managers."""
