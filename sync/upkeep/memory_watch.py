"""A watch on the memory of Redis: gauges, and a line in the log when it becomes full and when there is room again."""

import asyncio

import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.memory import fullest_memory
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


async def run_memory_watch(settings: Settings, redis: Redis, metrics: SyncMetrics) -> None:
    """Looks every second, forever. Outlives Redis; while it is away the last figures stand."""
    was_full = False
    while True:
        try:
            memory = await fullest_memory(redis, settings.memory_percent)
        except Fault:  # logged by the client's outage
            pass
        else:
            metrics.redis_memory.set(memory.used)
            metrics.redis_memory_limit.set(memory.limit)
            metrics.redis_memory_used.set(memory.used_ratio)
            if memory.is_full and not was_full:
                log.error(
                    "redis_memory_full",
                    used=memory.used,
                    maxmemory=memory.limit,
                    consequence="nothing more is taken; what is held can be paid and cancelled",
                    remedy="give Redis more memory (CONFIG SET maxmemory); see docs/runbook.md",
                )
            elif was_full and not memory.is_full:
                log.warning("redis_memory_free", used=memory.used, maxmemory=memory.limit)
            was_full = memory.is_full
        await asyncio.sleep(_LOOK_SECONDS)
