"""Metrics of the sync worker."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from engine.errors import Misconfigured
from payments.outcomes import Outcome


class SyncMetrics:
    """The worker's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        by_partition = ("partition",)
        self.facts = self._counter("onsale_sync_facts_total", "Facts written to Postgres, dead letters included.")
        self.dead_letters = self._counter("onsale_sync_dead_letters_total", "Facts that could not be applied.")
        self.batches = self._counter("onsale_sync_batches_total", "Transactions that moved an offset.")
        self.swept = self._counter("onsale_sweep_given_back_total", "Holds that this sweeper gave back.")
        self.partitions_led = self._gauge("onsale_sync_partitions_led", "Partitions whose outbox this worker reads.")
        self.stopped = Gauge(
            "onsale_sync_stopped",
            "1 where a partition's outbox has a gap or is behind Postgres: it is not written any more. Look at once.",
            by_partition,
            registry=self.registry,
        )
        self.lag_entries = Gauge(
            "onsale_sync_lag_entries", "Outbox entries not in Postgres yet.", by_partition, registry=self.registry
        )
        self.lag_seconds = Gauge(
            "onsale_sync_lag_seconds",
            "Age of the oldest fact that is not in Postgres yet.",
            by_partition,
            registry=self.registry,
        )
        self.sweep_lag_ms = Gauge(
            "onsale_sweep_lag_ms",
            "Seconds since the oldest unreleased hold expired.",
            by_partition,
            registry=self.registry,
        )
        self.payments_pinned = Gauge(
            "onsale_payments_pinned",
            "Payment attempts without an outcome; their places are pinned.",
            by_partition,
            registry=self.registry,
        )
        self.refunds_due = Gauge(
            "onsale_refunds_due", "Refunds not paid by the gateway yet.", by_partition, registry=self.registry
        )
        self.unsettled_age_seconds = Gauge(
            "onsale_unsettled_age_seconds",
            "Age in seconds of the oldest pinned payment or refund due.",
            by_partition,
            registry=self.registry,
        )
        self._payments = Counter(
            "onsale_payments_total",
            "Steps of payments and refunds, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in Outcome:
            self._payments.labels(outcome.value)  # a counter that is not there yet cannot be seen to rise
        self.stock = Gauge(
            "onsale_stock_places",
            "Places of an event on sale, by state: available, held, paying, sold, kept.",
            ("event", "name", "state"),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "onsale_waiting_list_waiting",
            "Entries of an event's waiting list that wait for places.",
            ("event",),
            registry=self.registry,
        )
        self.waiting_lists_late_seconds = self._gauge(
            "onsale_waiting_lists_late_seconds",
            "Seconds since the waiting lists were last looked after; 0 while they are.",
        )
        self.webhook_calls = Counter(
            "onsale_webhook_calls_total",
            "Calls of webhook endpoints, by result: delivered, failed.",
            ("outcome",),
            registry=self.registry,
        )
        self.webhooks_dead = self._counter("onsale_webhooks_dead_total", "Webhook deliveries given up.")
        self.webhooks_waiting = self._gauge(
            "onsale_webhooks_waiting", "Deliveries that wait for enabled endpoints; 0 where another worker sends."
        )
        self.webhooks_oldest_seconds = self._gauge(
            "onsale_webhooks_oldest_seconds", "Age of the oldest of those; 0 where another worker sends."
        )
        self.webhook_endpoints_off = self._gauge(
            "onsale_webhook_endpoints_off",
            "Endpoints that were switched off because they answered 410; 0 where another worker sends.",
        )
        self.acknowledged_lost = self._counter(
            "onsale_acknowledged_lost_total",
            "Times that a server of Redis was found to lack what this process had been answered. Look at once.",
        )
        self.clock_jumps = Counter(
            "onsale_clock_jumps_total",
            "Jumps of the clock of Redis. Holds live that much shorter or longer: check at once.",
            ("direction",),
            registry=self.registry,
        )
        self.redis_memory = self._gauge(
            "onsale_redis_memory_bytes", "Memory that Redis uses, as it counts it against its limit."
        )
        self.redis_memory_limit = self._gauge("onsale_redis_memory_limit_bytes", "maxmemory of Redis; 0: it has none.")
        self.redis_memory_used = self._gauge(
            "onsale_redis_memory_used_ratio",
            "Memory that Redis uses, divided by that from which on nothing is taken; 0: it has no limit.",
        )
        self.cluster_changes = self._gauge(
            "onsale_cluster_changes",
            "How often this worker saw slots move to another primary, by failovers or moves, since it started.",
        )
        self.partitions_away = Gauge(
            "onsale_partition_away",
            "1 where the server of a partition is away or has lost it: its events do not sell.",
            by_partition,
            registry=self.registry,
        )
        self.partition_nodes = Gauge(
            "onsale_partition_node",
            "1 for the server that has a partition of a cluster.",
            ("partition", "node"),
            registry=self.registry,
        )
        self.partition_entries = Gauge(
            "onsale_partition_entries",
            "The number of the last outbox entry of a partition. It begins again at 1 with each server process.",
            by_partition,
            registry=self.registry,
        )
        self.replicas = Gauge("onsale_replicas", "Replicas connected to a server.", ("node",), registry=self.registry)
        self.replicas_behind = Gauge(
            "onsale_replicas_behind_bytes",
            "By how much of the replication stream the last replica of a server is behind.",
            ("node",),
            registry=self.registry,
        )
        self.clock_ahead_seconds = Gauge(
            "onsale_clock_ahead_seconds",
            "By how much the clock of a server of Redis is ahead of this worker's.",
            ("node",),
            registry=self.registry,
        )

    def observe_payment(self, outcome: Outcome) -> None:
        """Counts the outcome of a step of a payment (a sync.outcomes.Observe)."""
        self._payments.labels(outcome.value).inc()

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)


@asynccontextmanager
async def metrics_endpoint(metrics: SyncMetrics, host: str, port: int) -> AsyncIterator[None]:
    """Serves `GET /metrics` there for as long as the block runs. It is open to everybody who reaches that address.

    Raises Misconfigured if it cannot listen there.
    """

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:  # an address that is no name is one, too
            raise Misconfigured(
                f"cannot serve metrics on {host} port {port}: {os.strerror(error.errno) if error.errno else error}; "
                "stop the program that uses it, or set ONSALE_SYNC_METRICS_HOST and ONSALE_SYNC_METRICS_PORT"
            ) from error
        yield
    finally:
        await runner.cleanup()
