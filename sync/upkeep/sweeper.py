"""Gives back the stock of expired holds. Needs Redis alone.

Every call on a partition does so too, a slice at a time. The sweeper is for partitions that nobody calls, and for the
rest where more expired at once.
"""

import asyncio

import structlog

from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)

_IDLE_INTERVALS = 4
"""After a round that found nothing the next one comes that many intervals later: idle, a sweep costs the most here."""


async def run_sweeper(settings: Settings, engine: Engine, metrics: SyncMetrics) -> None:
    """Sweep every partition each `sweep_interval_ms`, forever; after a round that found nothing, less often.

    Outlives Redis. A call on a partition gives back what is due there without waiting for this.
    """
    while True:
        async with asyncio.TaskGroup() as partitions:
            drains = [partitions.create_task(_drain(engine, keys.partition, metrics)) for keys in engine.keys]
        intervals = 1 if any(drain.result() for drain in drains) else _IDLE_INTERVALS
        await asyncio.sleep(intervals * settings.sweep_interval_ms / 1000)


async def _drain(engine: Engine, partition: int, metrics: SyncMetrics) -> int:
    """Sweep a partition until nothing is due in it. Returns how many holds were given back.

    A damaged partition must not keep the others from being swept, so its error is logged, each time.
    """
    given_back, more = 0, True
    try:
        while more:
            swept = await engine.sweep(partition)
            metrics.swept.inc(swept.given_back)
            given_back, more = given_back + swept.given_back, swept.more
    except Fault:  # logged by the engine's outage
        pass
    except EngineError as error:
        log.error("sweep_failed", partition=partition, error=str(error))
    return given_back
