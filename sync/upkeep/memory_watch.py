"""A watch on the memory of Redis: gauges, and a line in the log when it becomes full and when there is room again."""

import asyncio

import structlog

from engine.client import Redis
from engine.errors import Fault, OutcomeUnknown
from engine.memory import Memory, memory_of
from engine.settings import Settings
from sync.metrics import SyncMetrics

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


async def _fullest(redis: Redis, percent: int) -> Memory:
    """The memory of the server that is nearest to its limit. Raises Fault if none answers."""
    nodes = await redis.primaries()
    if len(nodes) == 1:
        return await memory_of(nodes[0], percent)
    told = await asyncio.gather(*(memory_of(node, percent) for node in nodes), return_exceptions=True)
    known = [memory for memory in told if isinstance(memory, Memory)]
    if not known:
        raise OutcomeUnknown("no server of the cluster tells its memory")
    return max(known, key=lambda memory: memory.used / memory.soft_limit if memory.soft_limit else 0)


async def run_memory_watch(settings: Settings, redis: Redis, metrics: SyncMetrics) -> None:
    """Looks every second, forever. Outlives Redis; while it is away the last figures stand."""
    was_full = False
    while True:
        try:
            memory = await _fullest(redis, settings.memory_percent)
        except Fault:  # told by the client's outage
            pass
        else:
            metrics.redis_memory.set(memory.used)
            metrics.redis_memory_limit.set(memory.limit)
            metrics.redis_memory_used.set(memory.used / memory.soft_limit if memory.soft_limit else 0)
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
