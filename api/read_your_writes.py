"""Read-your-writes: wait until Postgres has every change that was acknowledged before the request."""

from aiohttp import web

from api.app_keys import ENGINE, POSTGRES, SETTINGS
from engine.redis_keys import partition_of
from sync.outbox.catch_up import catch_up


async def wait_for_outcomes(request: web.Request, event_id: int | None = None) -> None:
    """Waits until Postgres has what happened until now, to one event or to all; for `list_patience_ms` at most.

    The caller gets what is there then. Raises PostgresAway.
    """
    engine = request.app[ENGINE]
    partitions = engine.keys if event_id is None else [engine.keys[partition_of(event_id, len(engine.keys))]]
    patience_seconds = request.app[SETTINGS].list_patience_ms / 1000
    await catch_up(engine.redis, request.app[POSTGRES], partitions, patience_seconds=patience_seconds)
