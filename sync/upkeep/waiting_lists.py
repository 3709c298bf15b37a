"""Upkeep of waiting lists: offers that expire, lists that end, and entries that ended long ago.

What is offered to whom does not wait for it: whatever returns places offers them. This is for events that nobody calls,
and for the memory of Redis.
"""

import asyncio

import structlog

from engine.commands.waiting_lists import TendWaiting
from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.postgres import Postgres, PostgresAway
from sync.sql import statement

log = structlog.get_logger(__name__)

_LOOK_BACK_SECONDS = 60
"""Events are looked after for so much longer than their last entry is kept in Redis, so that it is forgotten there."""


async def run_waiting_lists(settings: Settings, engine: Engine, postgres: Postgres, metrics: SyncMetrics) -> None:
    """Tends each waiting list every `resolve_interval_ms`, forever. Outlives Redis and Postgres."""
    tended: set[int] = set()
    loop = asyncio.get_running_loop()
    done_at = loop.time()
    while True:
        try:
            tended = await tend_waiting_lists(settings, engine, postgres, metrics, tended)
            done_at = loop.time()
        except (Fault, PostgresAway):  # logged by the outages of their clients
            pass
        except EngineError as error:
            log.error("waiting_lists_failed", error=str(error))
        metrics.waiting_lists_late_seconds.set(loop.time() - done_at)
        await asyncio.sleep(settings.resolve_interval_ms / 1000)


async def tend_waiting_lists(
    settings: Settings, engine: Engine, postgres: Postgres, metrics: SyncMetrics, before: set[int]
) -> set[int]:
    """Tends each list once; returns their events. `before`: those of the last round. Raises Fault, PostgresAway."""
    look_back = 2 * settings.archive_seconds + _LOOK_BACK_SECONDS
    async with postgres.connection() as connection:
        events = {event_id for (event_id,) in await connection.fetch(statement("events_with_waiting"), look_back)}
    for event_id in sorted(events):
        more = True
        while more:
            result = await engine.submit(TendWaiting(event_id))
            metrics.waiting.labels(str(event_id)).set(result.waiting)
            more = result.more
    for event_id in before - events:
        metrics.waiting.remove(str(event_id))
    return events
