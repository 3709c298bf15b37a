"""Access: callers, tokens, client addresses, limits, signatures of callbacks."""
