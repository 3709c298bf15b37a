"""What the sync worker tells Prometheus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sync.outcomes import Outcome


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
            "1 where a partition's outbox has a gap or is behind Postgres: nothing of it is written. Look at once.",
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
            "For how long the oldest hold that ran out has not been given back.",
            by_partition,
            registry=self.registry,
        )
        self.payments_pinned = Gauge(
            "onsale_payments_pinned",
            "Payment attempts whose outcome is not known: their places are pinned.",
            by_partition,
            registry=self.registry,
        )
        self.refunds_due = Gauge(
            "onsale_refunds_due", "Refunds that the gateway has not given yet.", by_partition, registry=self.registry
        )
        self.money_lag_seconds = Gauge(
            "onsale_money_lag_seconds",
            "For how long the oldest of the pinned payments and refunds due has waited.",
            by_partition,
            registry=self.registry,
        )
        self._payments = Counter(
            "onsale_payments_total",
            "Steps of payments and refunds, by what they came to.",
            ("outcome",),
            registry=self.registry,
        )
        self.stock = Gauge(
            "onsale_stock_places",
            "Places of an event that is on sale, by what became of them: available, held, paying, sold.",
            ("event", "state"),
            registry=self.registry,
        )
        self.webhook_calls = Counter(
            "onsale_webhook_calls_total",
            "Calls of webhook endpoints, by what came of them: delivered, failed.",
            ("outcome",),
            registry=self.registry,
        )
        self.webhooks_dead = self._counter("onsale_webhooks_dead_total", "Webhook deliveries that were given up.")
        self.webhooks_waiting = self._gauge(
            "onsale_webhooks_waiting", "Deliveries that wait for enabled endpoints; 0 where another worker sends."
        )
        self.webhooks_oldest_seconds = self._gauge(
            "onsale_webhooks_oldest_seconds", "Age of the oldest of those; 0 where another worker sends."
        )
        self.clock_jumps = Counter(
            "onsale_clock_jumps_total",
            "Jumps of the clock of Redis, forward or backward. Holds live that much shorter or longer: look at once.",
            ("direction",),
            registry=self.registry,
        )
        self.clock_ahead_seconds = self._gauge(
            "onsale_clock_ahead_seconds", "By how much the clock of Redis is ahead of this worker's."
        )

    def observe_payment(self, outcome: Outcome) -> None:
        """Counts what a step of a payment came to (a sync.outcomes.Observe)."""
        self._payments.labels(outcome.value).inc()

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)


@asynccontextmanager
async def metrics_endpoint(metrics: SyncMetrics, host: str, port: int) -> AsyncIterator[None]:
    """Serves `GET /metrics` there for as long as the block runs. It is open to whoever reaches that address."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
