"""Commands of the engine by subject: one struct per command, each with its file in `lua/`."""
