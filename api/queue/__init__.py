"""Waiting rooms: places, passes, and the documents with which anybody can follow and verify the order."""
