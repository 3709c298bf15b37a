"""Garbage collection settings of a server's process."""

import gc

YOUNG_OBJECTS = 20_000
"""Objects that a process which answers requests makes, beyond those it frees, between two collections."""

YOUNG_OBJECTS_OF_SYNC = 200_000
"""The same of a sync worker: batches of facts on their way to Postgres are that many, and none of them is garbage."""


def collect_rarely(young_objects: int = YOUNG_OBJECTS) -> None:
    """Make garbage collection rare in a server's process. Call it after all imports.

    Reference counting frees what a request made; the collector has only the few cycles left to find. At Python's own
    threshold, 700 objects, it runs every few requests, each time over hundreds of requests that are under way. What is
    there now stays until the end, so it is never looked at again: a full collection would stop all answers meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young_objects, *gc.get_threshold()[1:])
