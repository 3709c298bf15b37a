"""Load in open loop: arrivals by the clock, and latencies from the due time."""
