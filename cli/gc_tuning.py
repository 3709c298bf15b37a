"""Garbage collection settings of a server's process."""

import gc

_YOUNG_OBJECTS = 20_000


def collect_rarely() -> None:
    """Make garbage collection rare in a process that answers requests. Call it after all imports.

    Reference counting frees what a request made; the collector has only the few cycles left to find. At Python's own
    threshold, 700 objects, it runs every few requests, each time over hundreds of requests that are under way. What is
    there now stays until the end, so it is never looked at again: a full collection would stop all answers meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
