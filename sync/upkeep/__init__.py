"""Clock-driven upkeep: sweeping, retention, clock and stock watches."""
