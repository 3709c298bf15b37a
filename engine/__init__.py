"""The engine: typed commands and results, group commit, the Lua library. Knows Redis; no HTTP and no SQL."""
