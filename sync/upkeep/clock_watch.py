"""A watch on the clock of Redis, the only one that decides about holds. It must not jump.

Held against a clock of this process that never jumps. Two looks a second apart tell a jump from drift, and from clocks
that merely differ. If Redis was away or has become another server between two looks, they tell that too.
"""

import asyncio
import time
from typing import NamedTuple

import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.inspection import server_time_ms
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


async def run_clock_watch(settings: Settings, redis: Redis, metrics: SyncMetrics) -> None:
    """Looks every second, forever. Outlives Redis."""
    for direction in ("forward", "backward"):
        metrics.clock_jumps.labels(direction)  # a counter that is not there yet cannot be seen to rise
    before: dict[Redis, _Look] = {}
    while True:
        for node in await redis.primaries():
            try:
                now = await _look(node)
            except Fault:  # logged by the client's outage
                continue
            metrics.clock_ahead_seconds.set(now.ahead_of_day_ms / 1000)
            if node in before:
                _alarm_of_jump(before[node], now, settings.clock_jump_ms, metrics)
            before[node] = now
        await asyncio.sleep(_LOOK_SECONDS)


class _Look(NamedTuple):
    """The lead of Redis over our monotonic clock, its error, and its lead over our time of day."""

    ahead_ms: float
    slack_ms: float
    ahead_of_day_ms: float


async def _look(node: Redis) -> _Look:
    began = time.monotonic()
    server_ms = await server_time_ms(node)
    ended, day = time.monotonic(), time.time()
    return _Look(server_ms - (began + ended) * 500, (ended - began) * 500, server_ms - day * 1000)


def _alarm_of_jump(before: _Look, now: _Look, tolerated_ms: int, metrics: SyncMetrics) -> None:
    jumped_ms = round(now.ahead_ms - before.ahead_ms)
    if abs(jumped_ms) <= tolerated_ms + before.slack_ms + now.slack_ms:
        return
    direction, how = ("forward", "early") if jumped_ms > 0 else ("backward", "late")
    metrics.clock_jumps.labels(direction).inc()
    log.error(
        "clock_jumped",
        direction=direction,
        ms=abs(jumped_ms),
        consequence=f"earlier holds expire {abs(jumped_ms)} ms too {how}; nothing is sold twice",
        remedy="see who set the clock of the server of Redis; let it be slewed, not stepped",
    )
