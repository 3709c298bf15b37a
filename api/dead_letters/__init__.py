"""Facts that the sync worker could not write."""
