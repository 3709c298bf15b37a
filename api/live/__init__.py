"""Live updates: server-sent events of public data, encoded once for all watchers."""
