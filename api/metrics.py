"""Prometheus metrics of an API process."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Callable
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.results.result import Result
from payments.outcomes import Outcome

_BORN_AT_ONCE = 10
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


Observe = Callable[[str, int, float], None]
"""Counts an answered request: method, status, seconds."""


class _Tally:
    """Counts requests of one route, method and status in plain numbers.

    prometheus-client takes a lock and several calls for each number, which is a tenth of what a hold takes. It takes as
    long to make a series, so `counter` and `histogram` make theirs when they are first called.
    """

    __slots__ = ("_counter", "_histogram", "buckets", "count", "seconds")

    def __init__(self, counter: Callable[[], Counter], histogram: Callable[[], Histogram]) -> None:
        self._counter, self._histogram = counter, histogram
        self.count, self.seconds = 0, 0.0
        self.buckets = [0] * (len(_SECONDS) + 1)

    def publish(self) -> None:
        """Adds what was counted to the metrics, and begins at 0."""
        self._counter().inc(self.count)
        if not self.count:
            return
        histogram = self._histogram()
        # The histogram's own numbers: a bucket has those that are in none below it (prometheus_client/metrics.py).
        histogram._sum.inc(self.seconds)
        for bucket, number in zip(histogram._buckets, self.buckets, strict=True):
            if number:
                bucket.inc(number)
        self.count, self.seconds = 0, 0.0
        self.buckets = [0] * (len(_SECONDS) + 1)


class Metrics:
    """The metrics of a process.

    Words are the engine's; a route is its pattern, so that ids make no new series.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "onsale_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._request_seconds = Histogram(
            "onsale_request_seconds",
            "Seconds from a request's headers to its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refused = Counter(
            "onsale_refused_requests_total",
            "Requests answered 401, 403 or 429, by the reason.",
            ("route", "status", "reason"),
            registry=self.registry,
        )
        self._results = Counter(
            "onsale_results_total", "Results of engine commands, by word.", ("word",), registry=self.registry
        )
        self._refused_holds = Counter(
            "onsale_refused_holds_total",
            "Refusals of reservations, cart items and bookings, by event and by the code of the problem.",
            ("event", "code"),
            registry=self.registry,
        )
        self._refusals: Tally[tuple[int, str]] = Tally()
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
            "Steps of payments and refunds, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in Outcome:
            self._payments.labels(outcome.value)
        self.acknowledged_lost = Counter(
            "onsale_acknowledged_lost_total",
            "Times that a server of Redis was found to lack what this process had been answered. Look at once.",
            registry=self.registry,
        )
        self.queued_commands = Gauge(
            "onsale_queued_commands",
            "Commands waiting to be sent.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.loop_lag_seconds = Histogram(
            "onsale_event_loop_lag_seconds",
            "Delay of the event loop, in seconds.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._word_children: dict[type[Result], Counter] = {}
        self._tallies: list[_Tally] = []
        self._unborn: list[_Tally] = []
        """The tallies whose series must exist at 0, and does not exist yet."""

    def observer_of(self, route: str, of_method: str = "*") -> Observe:
        """A counter of answered requests of a route: method, status, seconds. Counts are kept until `publish`.

        The answers that alerts are about are soon there, at 0: a counter that is born at 1 never rises.
        """
        tallies: dict[tuple[str, int], _Tally] = {}

        def add(method: str, status: int) -> _Tally:
            known = method if method in _METHODS else "other"  # a client may make up words: they make no new series
            tally = tallies.get((known, status))
            if tally is None:
                counter = partial(self._requests.labels, known, route, str(status))
                tally = tallies[known, status] = _Tally(counter, partial(self._request_seconds.labels, known, route))
                self._tallies.append(tally)
            return tally

        def observe(method: str, status: int, seconds: float) -> None:
            tally = tallies.get((method, status)) or add(method, status)
            tally.count += 1
            tally.seconds += seconds
            tally.buckets[bisect_left(_SECONDS, seconds)] += 1

        for status in (500, 503):
            self._unborn.append(add("GET" if of_method == "*" else of_method, status))
        return observe

    def publish(self, *, every: bool = False) -> None:
        """Passes the requests that were counted since the last time to Prometheus' client.

        Of the series that begin at 0 it makes a few each time, and with `every` all. There are hundreds of them, and an
        event loop has no time for all at once while a process starts.
        """
        for _ in range(len(self._unborn) if every else min(len(self._unborn), _BORN_AT_ONCE)):
            self._unborn.pop().publish()
        for tally in self._tallies:
            if tally.count:
                tally.publish()
        for (event_id, code), count in self._refusals.items():
            self._refused_holds.labels(str(event_id), code).inc(count)
        self._refusals.clear()

    def count_refused_hold(self, event_id: int, code: str) -> None:
        """Counts a refusal to take places of an event. Counts are kept until `publish`."""
        self._refusals[event_id, code] += 1

    def observe_payment(self, outcome: Outcome) -> None:
        """Counts the outcome of a step of a payment (a sync.outcomes.Observe)."""
        self._payments.labels(outcome.value).inc()

    def observe_batch(self, results: list[Result], waited: float, took: float) -> None:
        """Counts a batch and its results (an engine.partition.Observe)."""
        self._batch_commands.observe(len(results))
        self._batch_wait_seconds.observe(waited)
        self._batch_seconds.observe(took)
        kinds: Tally[type[Result]] = Tally(map(type, results))
        for kind, count in kinds.items():
            counter = self._word_children.get(kind)
            if counter is None:
                counter = self._word_children[kind] = self._results.labels(kind.__struct_config__.tag)
            counter.inc(count)


METRICS: web.AppKey["Metrics"] = web.AppKey("metrics")
