"""Waiting lists as a partition stores them: the layout of `lua/37_waiting_entries.lua`, for Python."""


def places_set_aside(text: bytes) -> dict[str, int]:
    """Places that are set aside, by pool, from `pool=places pool=places`; none of `*`: all, after a restore."""
    pairs = [part.partition("=") for part in text.decode().split() if part != "*"]
    return {pool: int(places) for pool, _, places in pairs}
