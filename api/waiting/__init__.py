"""Waiting lists: a place in the line of a ticket, and the offers that come of it."""
