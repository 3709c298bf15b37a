"""Rehearsal of hoarders: many accounts of one address that hold and never buy, beside a crowd that buys."""
