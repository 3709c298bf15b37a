"""Prometheus metrics of streams."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class CloseReason(StrEnum):
    """Reasons for which a stream ends."""

    CLIENT = "client"
    """The client closed the connection, or it broke."""

    AGE = "age"
    """It lived for its time; the client connects again, perhaps to another process."""

    SLOW = "slow"
    """The client did not read what it was sent."""

    GONE = "gone"
    """Its document does not exist for the public any more."""

    SHUTDOWN = "shutdown"
    """The process is stopping."""


class StreamMetrics:
    """Counts of the streams of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge("onsale_streams_open", "Open streams.", registry=registry, multiprocess_mode="livesum")
        self._opened = Counter("onsale_streams_opened_total", "Opened streams.", registry=registry)
        self._refused = Counter(
            "onsale_streams_refused_total", "Streams refused because the process has too many.", registry=registry
        )
        closed = Counter("onsale_streams_closed_total", "Closed streams, by reason.", ("reason",), registry=registry)
        self._closed = {reason: closed.labels(reason.value) for reason in CloseReason}
        self._bytes = Counter("onsale_stream_bytes_total", "Bytes written to streams.", registry=registry)
        self._write_seconds = Histogram(
            "onsale_stream_write_seconds",
            "Seconds from reading a change until the last stream received it.",
            buckets=_SECONDS,
            registry=registry,
        )

    def opened(self) -> None:
        """Count a stream that began."""
        self._opened.inc()
        self._open.inc()

    def closed(self, reason: CloseReason) -> None:
        """Count a stream that ended."""
        self._closed[reason].inc()
        self._open.dec()

    def refused(self) -> None:
        """Count a stream that did not begin."""
        self._refused.inc()

    def wrote(self, size: int) -> None:
        """Count bytes written."""
        self._bytes.inc(size)

    def sent(self, seconds: float) -> None:
        """Count a change that all streams of a channel were sent."""
        self._write_seconds.observe(seconds)
