"""A trace from a request through its batch to the sync worker, the gateway and a webhook, as a collector gets it."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.app import create_app
from engine.settings import Settings
from sync.worker import run_sync
from tests.integration.api.conftest import SlowGateway
from tests.support.api.api_client import Front, order
from tests.support.sync.webhook_receiver import Receiver
from tests.support.waiting import wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
NOT_TRACED = {"traceparent": f"00-{TRACE[::-1]}-{SPAN}-00"}


class Collector:
    """Takes spans as OpenTelemetry's collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/v1/traces"))

    async def _take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            (service,) = (
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            )
            self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]
        return web.Response()

    def named(self, name: str) -> list[Span]:
        return [span for _, span in self.spans if span.name == name]


class SeenGateway(SlowGateway):
    """Remembers with which traces it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str | None] = []

    async def __call__(self, request: object, _response: object) -> None:
        assert isinstance(request, web.Request)
        self.seen.append(request.headers.get("traceparent"))


@pytest.fixture
def slow_gateway() -> SeenGateway:
    return SeenGateway()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    async with collector.server:
        yield collector


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with receiver.server:
        yield receiver


async def test_a_trace_goes_from_the_request_to_the_webhook(
    shop: Settings, slow_gateway: SeenGateway, collector: Collector, receiver: Receiver
) -> None:
    settings = msgspec.structs.replace(shop, traces_url=collector.url, traces_one_in=2**31 - 1)
    async with TestClient(TestServer(create_app(settings))) as client, asyncio.TaskGroup() as group:
        front = Front(client)
        event = await front.event(50)
        hook = {"url": receiver.url, "events": ["reservation.paid"]}
        receiver.secret = (await front.call("POST", "/v1/webhooks", hook)).body["secret"]
        worker = group.create_task(run_sync(settings))
        ticket_id = event["tickets"][0]["id"]
        await front.reserve((ticket_id, 1), headers=NOT_TRACED)
        held = (await front.call("POST", "/v1/reservations", order((ticket_id, 2), customer="22"), headers=TRACED)).body
        payment = {**held["total"], "payment_token": "tok_visa"}
        path = f"/v1/reservations/{held['id']}/pay"
        assert (await front.call("POST", path, payment, headers=TRACED)).status == 200
        await wait_until(lambda: bool(receiver.taken))
        worker.cancel()

    assert all(span.trace_id.hex() == TRACE for _, span in collector.spans), "who is not traced has no span"
    (hold,) = collector.named("POST /v1/reservations")
    (pay,) = collector.named("POST /v1/reservations/{reservation_id}/pay")
    assert hold.parent_span_id.hex() == pay.parent_span_id.hex() == SPAN
    attributes = {each.key: each.value for each in pay.attributes}
    assert attributes["http.response.status_code"].int_value == 200

    batches = collector.named("onsale.batch")
    linked = [link.span_id for batch in batches for link in batch.links]
    assert {hold.span_id, pay.span_id} == set(linked)
    (charged,) = set(slow_gateway.seen) - {None}
    assert charged == f"00-{TRACE}-{pay.span_id.hex()}-01"

    writes = collector.named("onsale.write")
    assert {link.span_id for write in writes for link in write.links} <= {batch.span_id for batch in batches}
    (told,) = collector.named("onsale.webhook")
    assert told.parent_span_id in {write.span_id for write in writes}
    assert receiver.headers[-1]["traceparent"] == f"00-{TRACE}-{told.span_id.hex()}-01"
    services = {span.name: service for service, span in collector.spans}
    assert (services["onsale.batch"], services["onsale.write"]) == ("onsale-api", "onsale-sync")


async def test_untraced_requests_leave_no_trace_in_the_outbox(
    shop: Settings, collector: Collector, receiver: Receiver
) -> None:
    """The control: without a traceparent nothing of the chain is there."""
    settings = msgspec.structs.replace(shop, traces_url=collector.url, traces_one_in=2**31 - 1)
    async with TestClient(TestServer(create_app(settings))) as client, asyncio.TaskGroup() as group:
        front = Front(client)
        event = await front.event(50)
        hook = {"url": receiver.url, "events": ["reservation.held"]}
        receiver.secret = (await front.call("POST", "/v1/webhooks", hook)).body["secret"]
        worker = group.create_task(run_sync(settings))
        await front.held((event["tickets"][0]["id"], 1))
        await wait_until(lambda: bool(receiver.taken))
        worker.cancel()
    assert collector.spans == []
    assert "traceparent" not in receiver.headers[-1]
