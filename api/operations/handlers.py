"""Operations: is the process alive, can it sell, what does it count."""

import asyncio
import os
from typing import Literal, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.app_keys import ENGINE, POSTGRES, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.http.problems import Code, Problem
from api.http.replies import Reply, json_reply
from api.metrics import METRICS
from api.operations.schemas import Health, Partitions, Readiness
from engine.commands.events import Count
from engine.errors import EngineBug, Fault, OutOfMemory, Overloaded
from sync.postgres import PostgresAway

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder where several processes leave their metrics."""

_REMEMBERED_SECONDS = 1.0
_NO_EVENT = 0
"""The id of no event: a command on it changes nothing."""


async def healthz(_request: web.Request) -> Reply:
    """GET /healthz: the process lives."""
    return json_reply(Health("ok"))


class Missing(NamedTuple):
    """The part without which nothing can be sold, and what that means."""

    name: str
    detail: str


_NO_REDIS = Missing("redis", "Redis does not answer or has lost its data, so nothing can be sold.")
NO_MEMORY = Missing(
    "redis memory", "Redis has no memory left to take anything more; what is held can be paid and cancelled."
)


class ReadinessCheck:
    """Remembers for a second what Redis and Postgres answered: anybody may ask, and each look costs both some work."""

    def __init__(self) -> None:
        self._looking = asyncio.Lock()
        self._until = 0.0
        self._seen: Readiness | Missing = _NO_REDIS

    async def look(self, app: web.Application) -> Readiness | Missing:
        """The state, as it is or was within the last second. Raises Fault."""
        clock = asyncio.get_running_loop().time
        async with self._looking:
            if clock() >= self._until:
                self._seen = await _look(app)
                self._until = clock() + _REMEMBERED_SECONDS
            return self._seen


READINESS: web.AppKey[ReadinessCheck] = web.AppKey("readiness")


async def readyz(request: web.Request) -> Reply:
    """GET /readyz: checks that the process can sell. Without Postgres sales go on; the catalogue cannot be edited.

    What was found is remembered for a second.
    """
    seen = await request.app[READINESS].look(request.app)
    if isinstance(seen, Missing):
        raise Problem(Code.UNAVAILABLE, seen.detail, missing=[seen.name])
    return json_reply(seen)


async def _look(app: web.Application) -> Readiness | Missing:
    if app[ENGINE].redis.is_cluster:
        return await _look_at_cluster(app)
    if not await _redis_is_there(app):
        return _NO_REDIS
    if await _memory_is_full(app):
        return NO_MEMORY
    return Readiness("ready", "ok", "ok" if await _postgres_is_there(app) else "away", app[ENGINE].redis.topology)


async def _look_at_cluster(app: web.Application) -> Readiness | Missing:
    """It is ready as long as one partition sells."""
    engine = app[ENGINE]
    numbers = range(len(engine.keys))
    there = await asyncio.gather(*(_partition_is_there(app, number) for number in numbers))
    if not any(there):
        return _NO_REDIS
    if await _memory_is_full(app):
        return NO_MEMORY
    away = [number for number in numbers if not there[number]]
    postgres: Literal["ok", "away"] = "ok" if await _postgres_is_there(app) else "away"
    return Readiness("ready", "ok", postgres, "cluster", Partitions(away))


async def _partition_is_there(app: web.Application, partition: int) -> bool:
    try:
        async with asyncio.timeout(app[SETTINGS].command_timeout_ms / 1000):
            await app[ENGINE].submit(Count(partition))  # an event of the partition, or none
    except Overloaded:
        return True
    except (TimeoutError, Fault, EngineBug):
        return False
    return True


async def _redis_is_there(app: web.Application) -> bool:
    try:
        async with asyncio.timeout(app[SETTINGS].command_timeout_ms / 1000):
            await app[ENGINE].redis.ping()
            await app[CATALOGUE].refresh()
            await app[ENGINE].submit(Count(_NO_EVENT))
    except Overloaded:
        return True  # it answers, and sells as fast as it can
    except (TimeoutError, Fault, EngineBug):
        return False  # a server that was emptied answers, but every command breaks on it
    return True


async def _memory_is_full(app: web.Application) -> bool:
    try:
        await app[ENGINE].check_memory()
    except OutOfMemory:
        return True
    return False


async def _postgres_is_there(app: web.Application) -> bool:
    """The timeout is short: a check whether we can sell must not wait for a Postgres that hangs."""
    try:
        async with (
            asyncio.timeout(app[SETTINGS].connect_timeout_ms / 1000),
            app[POSTGRES].connection() as connection,
        ):
            await connection.execute("SELECT 1")
    except (PostgresAway, TimeoutError):
        return False
    return True


def shared_metrics(app: web.Application) -> CollectorRegistry:
    """The metrics of all processes of this server, as they are now."""
    app[METRICS].queued_commands.set(app[ENGINE].queued())
    app[METRICS].publish(every=True)
    if METRICS_DIRECTORY not in os.environ:
        return app[METRICS].registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client ships no types for it
    return registry


async def metrics(request: web.Request) -> Reply:
    """GET /metrics: serves Prometheus metrics of all processes of this server."""
    return Reply(generate_latest(shared_metrics(request.app)), {"Content-Type": CONTENT_TYPE_LATEST})
