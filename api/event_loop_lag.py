"""Event loop lag: the first figure to rise when a process is overloaded."""

import asyncio
from collections.abc import Callable

_PERIOD_SECONDS = 0.1


async def watch_event_loop_lag(observe: Callable[[float], None], publish: Callable[[], None]) -> None:
    """Observes ten times a second, forever, by how much later than asked for a pause ended.

    `publish` is called as often: for what is counted in plain numbers until then.
    """
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await asyncio.sleep(_PERIOD_SECONDS)
        publish()
        observe(max(0.0, clock() - began - _PERIOD_SECONDS))
