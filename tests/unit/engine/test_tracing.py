"""Which requests are traced, how spans hang together, and that nothing of it is loaded where it is off."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import get_contextvars

from engine.settings import Settings
from engine.tracing import Tracer, current_span, open_tracer, traceparent_of, with_traceparent, within

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


class Traced:
    """A tracer with a known chance, and the spans that ended."""

    def __init__(self, chance: float = 0.5, one_in: int = 100) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = Tracer(SimpleSpanProcessor(self._exporter), Resource({}), one_in, lambda: chance)

    def ended(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


def test_the_sender_decides_whether_its_request_is_traced() -> None:
    traced = Traced(chance=0.0)
    span = traced.tracer.begin_request("GET /v1/events", SAMPLED)
    assert span is not None
    span.end()
    assert traced.tracer.begin_request("GET /v1/events", UNSAMPLED) is None
    (ended,) = traced.ended()
    assert ended.parent is not None
    assert (f"{ended.parent.trace_id:032x}", f"{ended.parent.span_id:016x}") == (TRACE, SPAN)


@pytest.mark.parametrize(("chance", "traced"), [(0.0, True), (0.0099, True), (0.01, False), (0.9, False)])
def test_chance_decides_about_others(chance: float, traced: bool) -> None:
    tracer = Traced(chance).tracer
    assert tracer.by_chance() is traced
    for nonsense in ("00-zz", f"{SAMPLED}-more"):
        assert (tracer.begin_request("GET /v1/events", nonsense) is not None) is traced
    assert tracer.begin_request("GET /v1/events") is not None, "the caller has decided"


def test_a_batch_links_to_its_requests_and_is_below_the_first() -> None:
    traced = Traced(chance=0.0)
    requests = [traced.tracer.begin_request(name, header) for name, header in (("a", SAMPLED), ("b", ""))]
    spans = [span for span in requests if span is not None]
    batch = traced.tracer.begin_batch(spans, {"onsale.commands": 2})
    write = traced.tracer.begin_write([traceparent_of(batch), "nonsense"], {})
    for span in (write, batch, *spans):
        span.end()
    by_name = {span.name: span for span in traced.ended()}
    assert [link.context for link in by_name["onsale.batch"].links] == [span.context for span in spans]
    assert by_name["onsale.batch"].parent == spans[0].context
    (link,) = by_name["onsale.write"].links
    assert link.context.span_id == batch.context.span_id
    assert by_name["onsale.write"].attributes is not None


def test_within_a_span_logs_and_requests_to_others_have_its_trace() -> None:
    span = Traced().tracer.begin_child("onsale.webhook", SAMPLED)
    assert with_traceparent({"a": "b"}) == {"a": "b"}
    with within(span):
        assert current_span() is span
        assert get_contextvars()["trace_id"] == TRACE
        assert with_traceparent({"a": "b"}) == {"a": "b", "traceparent": traceparent_of(span)}
        assert traceparent_of(span).startswith(f"00-{TRACE}-")
    assert current_span() is None
    assert "trace_id" not in get_contextvars()


def test_a_span_tells_why_it_failed() -> None:
    traced = Traced()
    with pytest.raises(ValueError, match="no"), within(traced.tracer.begin_child("onsale.webhook", SAMPLED)):
        raise ValueError("no")
    (ended,) = traced.ended()
    assert (ended.status.is_ok, ended.status.description) == (False, "ValueError('no')")


def test_there_is_no_tracer_without_a_collector() -> None:
    assert open_tracer(Settings(), "onsale-api") is None
    tracer = open_tracer(msgspec.structs.replace(Settings(), traces_url="http://127.0.0.1:9/v1/traces"), "onsale-api")
    assert tracer is not None
    tracer.close()


def test_nothing_of_it_is_loaded_where_it_is_off(repository: Path) -> None:
    """redis-py loads parts of OpenTelemetry that count, where they are installed; not those that trace and send."""
    program = (
        "import sys, api.app, sync.worker; from engine.settings import Settings;"
        "api.app.create_app(Settings(auth='off'));"
        "unwanted = 'opentelemetry.exporter', 'opentelemetry.sdk.trace';"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == "[]\n"
