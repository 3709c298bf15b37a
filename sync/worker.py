"""The sync worker: outboxes to Postgres, the clock-driven work, and what it tells of itself."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import structlog

from engine.engine import Engine
from engine.server import connect
from engine.settings import Settings
from sync.catalogue import Catalogue
from sync.clock import run_clock_watch
from sync.lag import run_lag
from sync.leader import Leader
from sync.metrics import SyncMetrics, metrics_endpoint
from sync.postgres import Postgres
from sync.publisher import run_publisher
from sync.resolver import run_resolver
from sync.sweeper import run_sweeper
from sync.venues import Venues
from sync.webhooks.courier import run_webhooks

log = structlog.get_logger(__name__)


async def run_sync(settings: Settings) -> None:
    """Works until it is cancelled. Redis and Postgres may come and go.

    Several workers may run: each partition's outbox is read by one of them, everything else is safe to do twice.
    Raises Misconfigured if Redis cannot be used, or does not come within `start_patience_ms`.
    """
    metrics = SyncMetrics()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(Engine(settings))
        postgres = await stack.enter_async_context(Postgres(settings))
        # Readers wait in Redis for news, each on a connection; commands must not wait for those.
        redis = connect(settings, settings.partitions + 2)
        await stack.enter_async_context(aclosing(redis))
        if settings.sync_metrics_port:
            endpoint = metrics_endpoint(metrics, settings.sync_metrics_host, settings.sync_metrics_port)
            await stack.enter_async_context(endpoint)
        async with asyncio.TaskGroup() as work:
            work.create_task(Leader(settings, engine, redis, postgres, metrics).run(), name="leader")
            work.create_task(run_sweeper(settings, engine, metrics), name="sweeper")
            publisher = run_publisher(settings, Venues(postgres, engine), Catalogue(postgres, engine))
            work.create_task(publisher, name="publisher")
            work.create_task(run_resolver(settings, engine, metrics.observe_payment), name="resolver")
            work.create_task(run_lag(settings, redis, engine.keys, metrics), name="lag")
            work.create_task(run_webhooks(settings, metrics), name="webhooks")
            work.create_task(run_clock_watch(settings, redis, metrics), name="clock")
            log.info("sync_started", partitions=settings.partitions)
