"""Prometheus metrics of the doors."""

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from engine.results.etickets import CheckedIn
from engine.words import Direction


class DoorsMetrics:
    """Scans that this process answered; repeats of a scan do not count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._scans = Counter(
            "onsale_check_ins_total",
            "Codes that gates scanned, by what they were answered.",
            ("event_id", "direction", "result"),
            registry=registry,
        )
        self._offline = Counter(
            "onsale_check_ins_offline_total", "Scans that gates made without network.", registry=registry
        )
        self._conflicts = Counter(
            "onsale_check_in_conflicts_total", "Entries that doubled another one.", registry=registry
        )

    def answered(self, event_id: int, direction: Direction, answer: CheckedIn, *, offline: bool) -> None:
        """A scan was answered."""
        if answer.replayed:
            return
        self._scans.labels(str(event_id), direction.value, answer.result.value).inc()
        if offline:
            self._offline.inc()
        if answer.other_ms:
            self._conflicts.inc()


DOORS_METRICS: web.AppKey["DoorsMetrics"] = web.AppKey("doors_metrics")
