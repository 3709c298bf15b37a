"""Operations: is the process alive, can it sell, what does it count."""

import asyncio
import os

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.keys import CATALOGUE, ENGINE, METRICS, POSTGRES, SETTINGS
from api.problems import Code, Problem
from api.replies import json_reply
from engine.batches import TROUBLE
from engine.faults import Fault
from sync.postgres import PostgresAway


async def healthz(_request: web.Request) -> web.Response:
    """GET /healthz: the process lives."""
    return json_reply({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: it can sell. Postgres may be away: then sales go on, and the catalogue cannot be edited."""
    redis = await _redis_is_there(request)
    parts = {"redis": redis, "postgres": await _postgres_is_there(request)}
    shown = {name: "ok" if there else "away" for name, there in parts.items()}
    if not redis:
        raise Problem(Code.UNAVAILABLE, "Redis does not answer, so nothing can be sold.", missing=["redis"])
    return json_reply({"status": "ready", **shown})


async def _redis_is_there(request: web.Request) -> bool:
    try:
        async with asyncio.timeout(request.app[SETTINGS].command_timeout_ms / 1000):
            await request.app[ENGINE].redis.ping()
            await request.app[CATALOGUE].refresh()
    except (*TROUBLE, Fault):
        return False
    return True


async def _postgres_is_there(request: web.Request) -> bool:
    try:
        async with request.app[POSTGRES].connection() as connection:
            await connection.execute("SELECT 1")
    except PostgresAway:
        return False
    return True


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: of all processes of this server, where there are several."""
    app = request.app
    app[METRICS].queued_commands.set(app[ENGINE].queued())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client ships no types for it
    else:
        registry = app[METRICS].registry
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
