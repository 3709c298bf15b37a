"""Prometheus metrics of an API process."""

from collections import Counter as Tally
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.results import Result
from sync.outcomes import Outcome

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What a process counts. Words are the engine's; a route is its pattern, so that ids make no new series."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "onsale_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._request_seconds = Histogram(
            "onsale_request_seconds",
            "Seconds from a request's headers to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._results = Counter(
            "onsale_results_total", "Results of engine commands, by word.", ("word",), registry=self.registry
        )
        self._batch_commands = Histogram(
            "onsale_batch_commands", "Commands in a batch.", buckets=_BATCH_SIZES, registry=self.registry
        )
        self._batch_wait_seconds = Histogram(
            "onsale_batch_wait_seconds",
            "Seconds that the oldest command of a batch waited to be sent.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "onsale_batch_seconds", "Seconds that Redis took for a batch.", buckets=_SECONDS, registry=self.registry
        )
        self._payments = Counter(
            "onsale_payments_total",
            "Steps of payments and refunds, by what they came to.",
            ("outcome",),
            registry=self.registry,
        )
        self.queued_commands = Gauge(
            "onsale_queued_commands",
            "Commands that wait to be sent.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.loop_lag_seconds = Histogram(
            "onsale_event_loop_lag_seconds",
            "By how much the event loop was late for what it had to do.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._word_children: dict[type[Result], Counter] = {}

    def observer_of(self, route: str) -> Callable[[str, int, float], None]:
        """What counts an answered request of a route: method, status, seconds."""
        histogram = self._request_seconds.labels(route)
        counters: dict[tuple[str, int], Counter] = {}

        def observe(method: str, status: int, seconds: float) -> None:
            counter = counters.get((method, status))
            if counter is None:
                counter = counters[method, status] = self._requests.labels(method, route, str(status))
            counter.inc()
            histogram.observe(seconds)

        return observe

    def observe_payment(self, outcome: Outcome) -> None:
        """Counts what a step of a payment came to (a sync.outcomes.Observe)."""
        self._payments.labels(outcome.value).inc()

    def observe_batch(self, results: list[Result], waited: float, took: float) -> None:
        """Counts a batch and its results (an engine.batches.Observe)."""
        self._batch_commands.observe(len(results))
        self._batch_wait_seconds.observe(waited)
        self._batch_seconds.observe(took)
        kinds: Tally[type[Result]] = Tally(map(type, results))
        for kind, count in kinds.items():
            counter = self._word_children.get(kind)
            if counter is None:
                counter = self._word_children[kind] = self._results.labels(kind.__struct_config__.tag)
            counter.inc(count)
