"""Rehearsal of a drop: a crowd of Locust users, and a verdict over what they were told."""
