"""Operations: is the process alive, can it sell, what does it count."""

import asyncio
import os

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.answers import Health, Readiness
from api.keys import CATALOGUE, ENGINE, METRICS, POSTGRES, SETTINGS
from api.problems import Code, Problem
from api.replies import Reply, json_reply
from engine.batches import TROUBLE
from engine.commands import Count
from engine.faults import EngineBug, Fault, Overloaded
from sync.postgres import PostgresAway

_NO_EVENT = 0
"""The id of no event: a command on it changes nothing."""


async def healthz(_request: web.Request) -> Reply:
    """GET /healthz: the process lives."""
    return json_reply(Health("ok"))


async def readyz(request: web.Request) -> Reply:
    """GET /readyz: the process can sell. Postgres may be away: then sales go on, and the catalogue cannot be edited."""
    if not await _redis_is_there(request):
        raise Problem(
            Code.UNAVAILABLE, "Redis does not answer, or has lost its data, so nothing can be sold.", missing=["redis"]
        )
    return json_reply(Readiness("ready", "ok", "ok" if await _postgres_is_there(request) else "away"))


async def _redis_is_there(request: web.Request) -> bool:
    try:
        async with asyncio.timeout(request.app[SETTINGS].command_timeout_ms / 1000):
            await request.app[ENGINE].redis.ping()
            await request.app[CATALOGUE].refresh()
            await request.app[ENGINE].submit(Count(_NO_EVENT))
    except Overloaded:
        return True  # it answers, and sells as fast as it can
    except (*TROUBLE, Fault, EngineBug):
        return False  # a server that was emptied answers, but every command breaks on it
    return True


async def _postgres_is_there(request: web.Request) -> bool:
    """Not asked for long: whoever wants to know whether we can sell must not wait for a Postgres that hangs."""
    try:
        async with (
            asyncio.timeout(request.app[SETTINGS].connect_timeout_ms / 1000),
            request.app[POSTGRES].connection() as connection,
        ):
            await connection.execute("SELECT 1")
    except (PostgresAway, TimeoutError):
        return False
    return True


async def metrics(request: web.Request) -> Reply:
    """GET /metrics: what Prometheus reads; of all processes of this server, where there are several."""
    app = request.app
    app[METRICS].queued_commands.set(app[ENGINE].queued())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client ships no types for it
    else:
        registry = app[METRICS].registry
    return Reply(generate_latest(registry), {"Content-Type": CONTENT_TYPE_LATEST})
