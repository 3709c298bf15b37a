"""Prometheus metrics of waiting rooms. All processes tell the same of a room, as of when each last read it."""

from prometheus_client import CollectorRegistry, Gauge

from engine.results.waiting_rooms import QueueState


class QueueMetrics:
    """Figures of the rooms that this process reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str) -> Gauge:
            return Gauge(name, about, ("event_id",), registry=registry, multiprocess_mode="livemostrecent")

        self._joined = gauge("onsale_queue_joined", "Customers who joined a waiting room.")
        self._serving = gauge("onsale_queue_serving", "Positions below this may enter.")
        self._inside = gauge("onsale_queue_inside", "Customers inside.")
        self._idle = gauge("onsale_queue_idle", "Customers inside whose pass has taken no place.")
        self._per_minute = gauge("onsale_queue_per_minute", "Customers who may be let in a minute.")
        self._no_show = gauge("onsale_queue_no_show_ratio", "Part of those whose turn it was who did not enter.")

    def read(self, event_id: int, state: QueueState) -> None:
        """A room was read."""
        label = str(event_id)
        self._joined.labels(label).set(state.joined)
        self._serving.labels(label).set(state.serving)
        self._inside.labels(label).set(state.inside)
        self._idle.labels(label).set(state.idle)
        self._per_minute.labels(label).set(state.per_minute)
        self._no_show.labels(label).set(state.no_show / 1000)
