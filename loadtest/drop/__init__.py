"""Rehearsal of a drop: a crowd of Locust users, and a verdict on the answers that they got."""
