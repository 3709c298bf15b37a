"""Servers that go away. These tests have servers of their own."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from statistics import median
from typing import Any
from uuid import uuid4

import msgspec
import psutil
import pytest
from redis.asyncio import Redis

from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from engine.errors import HOW_TO_LEARN
from engine.settings import Settings
from sync.worker import run_sync
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front
from tests.support.api.timed_event import open_museum
from tests.support.prepared_postgres import DATABASE
from tests.support.timing import least_of_tries
from tests.support.waiting import wait_until

_TIMEOUT_MS = 400
_QUEUE = 8

Taking = Callable[[], Coroutine[Any, Any, Answer]]


@pytest.fixture
async def fragile(start_api: StartApi, own_valkey: EmbeddedValkey) -> Front:
    """An API on a Valkey that the test may stop."""
    return await start_api(redis_url=own_valkey.url, command_timeout_ms=_TIMEOUT_MS, connect_timeout_ms=200)


async def _is_ready(front: Front) -> bool:
    return (await front.get("/readyz")).status == 200


async def test_redis_dies_and_comes_back(fragile: Front, own_valkey: EmbeddedValkey) -> None:
    event = await fragile.event(10)
    ticket_id = event["tickets"][0]["id"]
    held = await fragile.held((ticket_id, 1))
    path, payment = f"/v1/reservations/{held['id']}", {"amount": 2500, "currency": "EUR", "payment_token": "t"}
    own_valkey.kill()

    began = time.monotonic()
    refused = await asyncio.gather(
        fragile.reserve((ticket_id, 1)),
        fragile.call("GET", path),
        fragile.call("DELETE", path),
        fragile.call("POST", f"{path}/pay", payment),
        fragile.call("POST", f"{path}/refund", {"restock": True}),
        fragile.get("/v1/events"),
        fragile.get(f"/v1/events/{event['id']}"),
        fragile.get(f"/v1/events/{event['id']}/availability"),
        fragile.get(f"/v1/tickets/{ticket_id}"),
        fragile.call("PATCH", f"/v1/tickets/{ticket_id}", {"capacity": 11}),
        fragile.call("POST", "/v1/events", {"name": "Too late", "starts_at": "2027-06-01T18:00:00Z"}),
        fragile.get("/readyz"),
    )
    assert {(answer.status, answer.code) for answer in refused} == {(503, "unavailable")}
    assert time.monotonic() - began < 5, "each within its timeout, which is 0.4 s, and not in that of a client"
    assert (await fragile.get("/healthz")).status == 200
    assert await fragile.refused("GET", "/v1/reservations/abc") == "not_found"
    assert (await fragile.get("/v1/reservations")).status == 200, "lists are Postgres'"

    own_valkey.start()
    await wait_until(lambda: _is_ready(fragile))
    assert (await fragile.read(held))["status"] == "held"
    assert (await fragile.pay(held)).status == 200
    assert await fragile.counts(ticket_id) == (9, 0, 1)
    assert (await fragile.event(1))["status"] == "on_sale"


async def test_an_api_that_has_not_seen_redis_yet_says_so(fragile: Front, own_valkey: EmbeddedValkey) -> None:
    own_valkey.kill()
    refused = await fragile.reserve((1, 1))
    assert (refused.status, refused.code) == (503, "unavailable")
    own_valkey.start()
    await wait_until(lambda: _is_ready(fragile))
    assert (await fragile.reserve((1, 1))).code == "not_found"


async def test_a_full_queue_does_nothing_by_halves(start_api: StartApi, own_valkey: EmbeddedValkey) -> None:
    fragile = await start_api(
        redis_url=own_valkey.url,
        command_timeout_ms=15_000,
        queue_commands=4,
        catalogue_age_ms=60_000,  # requests are to wait for the engine, not for news of the catalogue
    )
    event = await fragile.event(100, 100)
    one, two = (each["id"] for each in event["tickets"])
    assert own_valkey.child.pid is not None
    os.kill(own_valkey.child.pid, signal.SIGSTOP)
    try:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(fragile.reserve((one, 1), (two, 1))) for _ in range(40)]
            await wait_until(lambda: sum(call.done() for call in calls) >= 30)
            full = [call.result() for call in calls if call.done()]
            os.kill(own_valkey.child.pid, signal.SIGCONT)
    finally:
        os.kill(own_valkey.child.pid, signal.SIGCONT)
    assert {(answer.status, answer.code) for answer in full} == {(503, "unavailable")}
    assert any("queue" in answer.body["detail"] for answer in full)

    held = [call.result().status for call in calls].count(201)
    assert held > 0, "those in the queue were served"
    assert await fragile.counts(one) == (100 - held, held, 0)
    assert await fragile.counts(two) == (100 - held, held, 0)


@pytest.mark.alone
async def test_beyond_the_queue_the_answer_is_quick(start_api: StartApi, own_valkey: EmbeddedValkey) -> None:
    """Also where a request would have to wait for the catalogue before it came to the queue."""
    how = {
        "command_timeout_ms": 15_000,
        "queue_commands": _QUEUE,
        "direct_requests": False,
    }  # which lets them wait first
    front = await start_api(redis_url=own_valkey.url, **how)
    event, museum = await front.event(100), await open_museum(front)
    ticket_id = event["tickets"][0]["id"]
    takings: list[Taking] = [
        lambda: front.reserve((ticket_id, 1)),
        lambda: front.call(
            "POST", f"/v1/orders/carts/{uuid4()}", {"event_id": event["id"], "price_id": ticket_id, "quantity": 1}
        ),
        museum.book,
    ]
    for take in takings:
        assert (await take()).status in (200, 201), "below the bound"
    assert own_valkey.child.pid is not None
    os.kill(own_valkey.child.pid, signal.SIGSTOP)
    server = psutil.Process(own_valkey.child.pid)
    await wait_until(lambda: server.status() == psutil.STATUS_STOPPED, what="it stands still, a moment later")
    try:
        async with asyncio.TaskGroup() as group:
            crowds: list[list[asyncio.Task[Answer]]] = []

            def are_refused() -> bool:
                return all(any(map(_is_refused, crowd)) for crowd in crowds)

            for _ in range(2):  # the second fills the queues that the first left when it went on as a batch
                crowds += [[group.create_task(take()) for _ in range(3 * _QUEUE)] for take in takings]
                await wait_until(are_refused, what="some of each are refused")
            for take in takings:
                assert await least_of_tries(partial(_median_ms_of_refusals, take), 5, tries=1, patience_seconds=20) < 5
            os.kill(own_valkey.child.pid, signal.SIGCONT)
    finally:
        os.kill(own_valkey.child.pid, signal.SIGCONT)
    assert {call.result().status for crowd in crowds for call in crowd} <= {200, 201, 503}
    assert {(await take()).status for take in takings} <= {200, 201}, "there is room again"


def _is_refused(call: "asyncio.Task[Answer]") -> bool:
    return call.done() and call.result().status == 503


async def _median_ms_of_refusals(take: Taking) -> float:
    took = []
    for _ in range(20):
        began = time.perf_counter()
        refused = await take()
        took.append((time.perf_counter() - began) * 1000)
        assert (refused.status, refused.code) == (503, "unavailable")
    return median(took)


@pytest.mark.single_server("it empties the one server; test_lost_shard.py has what a cluster does")
@pytest.mark.damages_keys
async def test_a_server_that_was_emptied_is_not_ready(front: Front, shop: Settings) -> None:
    assert await _is_ready(front)
    async with Redis.from_url(shop.redis_url, socket_timeout=5) as redis:
        await redis.flushall()

    async def is_not() -> bool:  # what was seen is remembered for a second
        return not await _is_ready(front)

    await wait_until(is_not)
    assert (await front.get("/readyz")).body["missing"] == ["redis"]


async def test_a_postgres_that_hangs_keeps_nobody_waiting_to_know_that_we_sell(start_api: StartApi) -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://postgres@127.0.0.1:{port}/onsale"
        front = await start_api(postgres_url=url, connect_timeout_ms=200, postgres_timeout_ms=60_000)
        answer = await front.get("/readyz")
        assert (answer.status, answer.body["postgres"]) == (200, "away")


async def test_sales_go_on_without_postgres(
    start_api: StartApi, own_postgres: EmbeddedPostgres, shop: Settings
) -> None:
    url = own_postgres.url(DATABASE)
    front = await start_api(postgres_url=url, connect_timeout_ms=500)
    event = await front.event(10)
    ticket_id, path = event["tickets"][0]["id"], f"/v1/events/{event['id']}"
    backends = psutil.Process(own_postgres.child.pid).children()
    own_postgres.kill()
    _, alive = psutil.wait_procs(backends, timeout=10)
    assert alive == [], "a backend may answer until it notices that its server is gone"

    began = time.monotonic()
    for method, away, body in (
        ("POST", "/v1/events", {"name": "Too late", "starts_at": "2027-06-01T18:00:00Z"}),
        ("PATCH", path, {"name": "Too late"}),
        ("POST", f"{path}/tickets", {"ticket_type": "a", "price": {"amount": 1, "currency": "EUR"}, "capacity": 1}),
        ("PATCH", f"/v1/tickets/{ticket_id}", {"capacity": 11}),
    ):
        answer = await front.call(method, away, body)
        assert (answer.status, answer.code) == (503, "unavailable")
    for away in (
        "/v1/reservations",
        "/v1/statistics/events",
        "/v1/statistics/ticket-types",
        f"{path}/statistics",
        f"/v1/reservations/{event['id']}-{'A' * 16}",
    ):
        assert await front.refused("GET", away) == "unavailable"
    assert time.monotonic() - began < 5

    ready = await front.get("/readyz")
    assert (ready.status, ready.body["postgres"]) == (200, "away")
    assert (await front.get(path)).body == event
    assert (await front.get("/v1/events")).body["items"] == [event]
    paid, cancelled = await front.paid((ticket_id, 2)), await front.held((ticket_id, 1))
    assert (await front.read(paid))["status"] == "paid"
    assert (await front.call("DELETE", f"/v1/reservations/{cancelled['id']}")).status == 204
    refund = await front.call("POST", f"/v1/reservations/{paid['id']}/refund", {"restock": True})
    assert (refund.status, refund.body["status"]) == (200, "refunded")

    own_postgres.start()
    assert (await front.call("PATCH", path, {"name": "Just in time"})).status == 200
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_sync(msgspec.structs.replace(shop, postgres_url=url)))

        async def has_arrived() -> bool:
            statuses = [item["status"] for item in await front.pages("/v1/reservations")]
            return statuses == ["cancelled", "refunded"]

        await wait_until(has_arrived)
        worker.cancel()


async def test_a_promise_that_no_replica_has_is_not_given(start_api: StartApi, own_valkey: EmbeddedValkey) -> None:
    """Two APIs on a server without replicas: one does not ask for any, the other for one."""
    easy = await start_api(redis_url=own_valkey.url)
    event = await easy.event(10)
    ticket_id = event["tickets"][0]["id"]
    strict = await start_api(redis_url=own_valkey.url, replica_acks=1, replica_timeout_ms=50)
    body, key = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "customer": {"id": "22"}}, {"Idempotency-Key": "k"}
    for _ in range(2):
        refused = await strict.call("POST", "/v1/reservations", body, headers=key)
        assert (refused.status, refused.code) == (503, "unavailable")
        assert HOW_TO_LEARN in refused.body["detail"]
    again = await easy.call("POST", "/v1/reservations", body, headers=key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert await easy.counts(ticket_id) == (9, 1, 0)
