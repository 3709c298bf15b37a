"""The sync worker: outboxes to Postgres, the clock-driven work, and its metrics."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import structlog
from msgspec.structs import replace

from engine.engine import Engine
from engine.settings import Settings
from engine.tracing import open_tracer
from payments.resolver import run_resolver
from sync.cancelled_events import run_cancellations
from sync.catalogue.event_publisher import EventPublisher
from sync.catalogue.publisher import run_publisher
from sync.catalogue.venues import Venues
from sync.codes.editor import CodeEditor
from sync.metrics import SyncMetrics, metrics_endpoint
from sync.outbox.lag import run_lag
from sync.outbox.leader import Leader
from sync.outbox.reader import IDLE_POLLS
from sync.personal_data.eraser import run_eraser
from sync.postgres import Postgres
from sync.upkeep.clock_watch import run_clock_watch
from sync.upkeep.cluster_watch import run_cluster_watch
from sync.upkeep.memory_watch import run_memory_watch
from sync.upkeep.sweeper import run_sweeper
from sync.upkeep.waiting_lists import run_waiting_lists
from sync.webhooks.dispatcher import run_webhooks

log = structlog.get_logger(__name__)

_BATCH_COMMANDS = 8
"""Most commands in one of the worker's calls to Redis. Each may write much, as a refund does, and customers wait."""


async def run_sync(settings: Settings) -> None:
    """Works until it is cancelled. Redis and Postgres may come and go.

    Several workers may run: each partition's outbox is read by one of them, everything else is safe to do twice.
    Raises Misconfigured if Redis cannot be used, or does not come within `start_patience_ms`.
    """
    metrics, tracer = SyncMetrics(), open_tracer(settings, "onsale-sync")
    async with AsyncExitStack() as stack:
        if tracer is not None:
            stack.push_async_callback(asyncio.to_thread, tracer.close)
        engine = await stack.enter_async_context(
            Engine(
                replace(settings, batch_commands=min(settings.batch_commands, _BATCH_COMMANDS)),
                tracer=tracer,
                tell_lost=metrics.acknowledged_lost.inc,
            )
        )
        postgres = await stack.enter_async_context(Postgres(settings))
        # Readers wait in Redis for news, each on a connection; commands must not wait for those.
        patience_seconds = (settings.command_timeout_ms + IDLE_POLLS * settings.sync_poll_ms) / 1000
        redis = engine.redis.beside(settings.partitions + 2, timeout_seconds=patience_seconds)
        await stack.enter_async_context(aclosing(redis))
        if settings.sync_metrics_port:
            endpoint = metrics_endpoint(metrics, settings.sync_metrics_host, settings.sync_metrics_port)
            await stack.enter_async_context(endpoint)
        async with asyncio.TaskGroup() as work:
            work.create_task(Leader(settings, engine, redis, postgres, metrics, tracer).run(), name="leader")
            work.create_task(run_sweeper(settings, engine, metrics), name="sweeper")
            work.create_task(run_waiting_lists(settings, engine, postgres, metrics), name="waiting-lists")
            parts = Venues(postgres, engine), EventPublisher(postgres, engine), CodeEditor(postgres, engine)
            publisher = run_publisher(settings, *parts)
            work.create_task(publisher, name="publisher")
            work.create_task(run_resolver(settings, engine, metrics.observe_payment), name="resolver")
            cancellations = run_cancellations(settings, engine, postgres, metrics.observe_payment)
            work.create_task(cancellations, name="cancellations")
            work.create_task(run_eraser(settings, engine, postgres), name="eraser")
            work.create_task(run_lag(settings, redis, engine.keys, metrics), name="lag")
            work.create_task(run_webhooks(settings, metrics, tracer), name="webhooks")
            work.create_task(run_clock_watch(settings, redis, engine.keys, metrics), name="clock")
            work.create_task(run_memory_watch(settings, redis, metrics), name="memory")
            work.create_task(run_cluster_watch(engine, redis, metrics), name="cluster")
            log.info("sync_started", partitions=settings.partitions)
