"""Gives back the stock of holds that ran out. Needs Redis alone.

Every call on a partition does so too, a slice at a time; this is for partitions that nobody calls, and for the rest of
what ran out all at once.
"""

import asyncio

import structlog

from engine.engine import Engine
from engine.faults import EngineError
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)


async def run_sweeper(settings: Settings, engine: Engine, metrics: SyncMetrics) -> None:
    """Sweeps every partition each `sweep_interval_ms`, for ever. Outlives Redis."""
    while True:
        async with asyncio.TaskGroup() as partitions:
            for keys in engine.keys:
                partitions.create_task(_drain(engine, keys.partition, metrics))
        await asyncio.sleep(settings.sweep_interval_ms / 1000)


async def _drain(engine: Engine, partition: int, metrics: SyncMetrics) -> None:
    """Sweeps a partition until nothing is due in it.

    A damaged partition must not keep the others from being swept, so its error is logged, each time.
    """
    try:
        more = True
        while more:
            swept = await engine.sweep(partition)
            metrics.swept.inc(swept.given_back)
            more = swept.more
    except EngineError as error:
        log.error("sweep_failed", partition=partition, error=str(error))
