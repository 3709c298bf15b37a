"""HTTP: decode, call the engine, encode. Knows no SQL beyond the read models that `sync/` offers."""
