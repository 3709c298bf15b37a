"""The benchmark: a hold over HTTP beside a handler that does nothing, and beside simpler ways to sell."""
