"""How late the event loop is: the first thing to suffer when a process has more to do than it can."""

import asyncio

from prometheus_client import Histogram

_PERIOD_SECONDS = 0.1


async def watch_loop_lag(lag_seconds: Histogram) -> None:
    """Observes ten times a second, for ever, by how much later than asked for a pause ended."""
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await asyncio.sleep(_PERIOD_SECONDS)
        lag_seconds.observe(max(0.0, clock() - began - _PERIOD_SECONDS))
