"""Traces as OpenTelemetry has them: an optional extra (`onsale[otel]`). Where it is off, nothing here is called.

A request is traced if its `traceparent` says so; one without is traced once in `traces_one_in` times. A batch that has
traced requests has a span of its own, which links to theirs: it belongs to all of them. The outbox carries its
`traceparent` to the sync worker.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from engine.errors import Misconfigured

if TYPE_CHECKING:  # the extra may be missing
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext, SpanKind

    from engine.settings import Settings

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_SAMPLED = 1
_MOST_LINKS = 128
_EXPORT_EVERY_MS = 10_000
_MOST_QUEUED = 8192
"""Spans beyond are dropped: a collector that is away costs no memory."""


_SPAN: ContextVar[Span | None] = ContextVar("onsale_span", default=None)
_TRACE_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}trace_id")
"""The variable of structlog.contextvars.bind_contextvars(trace_id=...)."""


def current_span() -> Span | None:
    """The span of this task; None if it is not traced."""
    return _SPAN.get()


def traceparent_of(span: Span | None) -> str:
    """The header by which others go on with a trace (W3C Trace Context); empty if there is none."""
    if span is None:
        return ""
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


def with_traceparent(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a request to others, with the trace of this task if it is traced."""
    span = _SPAN.get()
    return headers if span is None else headers | {"traceparent": traceparent_of(span)}


@contextmanager
def within(span: Span) -> Iterator[None]:
    """Within it, the span is this task's, its trace id is in logs, and it ends at the end."""
    token, log_token = _SPAN.set(span), _TRACE_ID.set(f"{span.context.trace_id:032x}")
    try:
        yield
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        _SPAN.reset(token)
        _TRACE_ID.reset(log_token)
        span.end()


def open_tracer(settings: Settings, service: str) -> Tracer | None:
    """A tracer that sends spans to `traces_url`; None if that is empty. Raises Misconfigured without the extra."""
    if not settings.traces_url:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # the same
    except ImportError as error:
        raise Misconfigured("ONSALE_TRACES_URL needs OpenTelemetry: install onsale[otel], or unset it") from error
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, timeout=5)
    processor = BatchSpanProcessor(exporter, max_queue_size=_MOST_QUEUED, schedule_delay_millis=_EXPORT_EVERY_MS)
    return Tracer(processor, Resource({"service.name": service}), settings.traces_one_in)


class Span:
    """A span until it ends. OpenTelemetry's own one costs several times as much, which a hold would notice."""

    __slots__ = ("_failed", "_links", "_parent", "_started_ns", "_tracer", "attributes", "context", "kind", "name")

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        kind: SpanKind,
        parent: SpanContext | None,
        links: Sequence[SpanContext],
        attributes: dict[str, Any],
    ) -> None:
        self._tracer, self.name, self.kind, self._parent, self._links = tracer, name, kind, parent, links
        self.context, self.attributes, self._failed = tracer.new_context(parent), attributes, ""
        self._started_ns = time.time_ns()

    def fail(self, error: BaseException) -> None:
        """Note why it failed."""
        self._failed = repr(error)

    def end(self) -> None:
        """Hand it over to be sent. Once."""
        self._tracer.send(self, self._parent, self._links, self._started_ns, self._failed)


class Tracer:
    """Begins spans. `one_in`: of this many requests that nobody traces, one is traced here."""

    def __init__(
        self, processor: SpanProcessor, resource: Resource, one_in: int, chance: Callable[[], float] = random.random
    ) -> None:
        from opentelemetry import trace  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415  # the same
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415  # the same

        self._api, self._readable, self._processor, self._resource = trace, ReadableSpan, processor, resource
        self._share, self._chance, self._scope = 1 / one_in, chance, InstrumentationScope("onsale")
        self._flags, self._server = trace.TraceFlags(_SAMPLED), trace.SpanKind.SERVER
        self._internal, self._unset = trace.SpanKind.INTERNAL, trace.Status()

    def by_chance(self) -> bool:
        """True once in `one_in` times: a request that its sender does not trace is traced."""
        return self._chance() < self._share

    def begin_request(self, name: str, traceparent: str = "") -> Span | None:
        """The span of a request that its sender traces, or of one without `traceparent` that the caller has chosen."""
        found = _TRACEPARENT.fullmatch(traceparent)
        if found is None:
            return None if traceparent and not self.by_chance() else Span(self, name, self._server, None, (), {})
        if not int(found[3], 16) & _SAMPLED:
            return None
        return Span(self, name, self._server, self._context(traceparent), (), {})

    def begin_child(self, name: str, traceparent: str) -> Span:
        """A span below the one that a `traceparent` names."""
        return Span(self, name, self._internal, self._context(traceparent), (), {})

    def begin_batch(self, spans: Sequence[Span], attributes: dict[str, Any]) -> Span:
        """The span of a batch that has these requests: below the first of them, with links to all."""
        links = [span.context for span in spans[:_MOST_LINKS]]
        return Span(self, "onsale.batch", self._internal, links[0], links, attributes)

    def begin_write(self, traceparents: Iterable[str], attributes: dict[str, Any]) -> Span:
        """The span of a transaction that writes the facts of traced batches: below the first, with links to all."""
        links = [context for each in traceparents if (context := self._context(each)) is not None][:_MOST_LINKS]
        return Span(self, "onsale.write", self._internal, links[0] if links else None, links, attributes)

    def new_context(self, parent: SpanContext | None) -> SpanContext:
        """The ids of a new span. A trace id of 0 is none, and does not come."""
        trace_id = random.getrandbits(128) | 1 if parent is None else parent.trace_id
        return self._api.SpanContext(trace_id, random.getrandbits(64) | 1, is_remote=False, trace_flags=self._flags)

    def send(
        self, span: Span, parent: SpanContext | None, links: Sequence[SpanContext], started_ns: int, failed: str
    ) -> None:
        """Queue a span that has ended."""
        status = self._api.Status(self._api.StatusCode.ERROR, failed) if failed else self._unset
        self._processor.on_end(
            self._readable(
                span.name,
                span.context,
                parent,
                self._resource,
                span.attributes,
                links=[self._api.Link(context) for context in links],
                kind=span.kind,
                status=status,
                start_time=started_ns,
                end_time=time.time_ns(),
                instrumentation_scope=self._scope,
            )
        )

    def close(self) -> None:
        """Sends what is left. Blocks for a few seconds at most."""
        self._processor.shutdown()

    def _context(self, traceparent: str) -> SpanContext | None:
        found = _TRACEPARENT.fullmatch(traceparent)
        if found is None:
            return None
        return self._api.SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=self._flags)
