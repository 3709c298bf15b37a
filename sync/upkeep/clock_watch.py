"""A watch on the clocks of Redis, the only ones that decide about holds. They must not jump.

Held against a clock of this process that never jumps. Two looks a second apart tell a jump from drift, and from clocks
that merely differ. For the holds of a partition it is a jump, too, if another server with another time has it now.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.inspection import server_time_ms
from engine.redis_keys import PartitionKeys
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


async def run_clock_watch(
    settings: Settings, redis: Redis, partitions: Sequence[PartitionKeys], metrics: SyncMetrics
) -> None:
    """Looks every second, forever. Outlives Redis."""
    for direction in ("forward", "backward"):
        metrics.clock_jumps.labels(direction)  # a counter that is not there yet cannot be seen to rise
    before: dict[int, _Look] = {}
    told: set[str] = set()
    while True:
        looks = await _looks(redis)
        _tell_leads(looks, told, metrics)
        now = _of_partitions(redis, partitions, looks)
        jumps = {(before[partition], look) for partition, look in now.items() if partition in before}
        for earlier, later in jumps:
            _alarm_of_jump(earlier, later, settings.clock_jump_ms, metrics)
        before |= now
        await asyncio.sleep(_LOOK_SECONDS)


class _Look(NamedTuple):
    """The lead of Redis over our monotonic clock, its error, and its lead over our time of day."""

    ahead_ms: float
    slack_ms: float
    ahead_of_day_ms: float


async def _looks(redis: Redis) -> dict[Redis, _Look]:
    """All servers that answer."""
    looks = {}
    for node in await redis.primaries():
        try:
            looks[node] = await _look(node)
        except Fault:  # logged by the client's outage
            continue
    return looks


def _tell_leads(looks: dict[Redis, _Look], told: set[str], metrics: SyncMetrics) -> None:
    """Reports the servers' leads. `told`: the servers that were reported until now."""
    for gone in told - {node.name for node in looks}:
        told.remove(gone)
        metrics.clock_ahead_seconds.remove(gone)
    for node, look in looks.items():
        told.add(node.name)
        metrics.clock_ahead_seconds.labels(node.name).set(look.ahead_of_day_ms / 1000)


def _of_partitions(redis: Redis, partitions: Sequence[PartitionKeys], looks: dict[Redis, _Look]) -> dict[int, _Look]:
    """The looks at the servers that have the partitions; those that are away have none."""
    found = {}
    for keys in partitions:
        try:
            look = looks.get(redis.at(keys.meta))
        except Fault:  # no server has it now
            continue
        if look is not None:
            found[keys.partition] = look
    return found


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
        remedy="see who set the clock of a server of Redis, or which server with another time took over; slew clocks",
    )
