"""A Redis without memory: nothing is taken, what is held is read, paid, cancelled and expires, and that makes room."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest

from engine.client import Redis
from engine.server import connect
from engine.settings import Settings
from tests.support.api.api_client import Answer, Front, ticket
from tests.support.api.timed_event import open_museum
from tests.support.api.two_event_carts import HALL, Tour
from tests.support.engine.full_memory import Fullness, fill_up, set_limit
from tests.support.waiting import wait_until

pytestmark = pytest.mark.single_server(
    "it fills the memory of the one server that has everything; a cluster has one full node"
)

LASTING, SHORT = 150, 50
"""Live holds of two events; those of the second expire."""

SHORT_SECONDS = 3
BACK_WITHIN_SECONDS = 2.0


@pytest.fixture
async def redis(shop: Settings) -> AsyncIterator[Redis]:
    redis = connect(shop, 1)
    try:
        yield redis
    finally:
        await redis.execute_command("CONFIG", "SET", "maxmemory", 0)
        await redis.aclose()


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (503, "unavailable") and "memory" in answer.body["detail"]


@pytest.mark.usefixtures("sync")
async def test_sales_stop_and_everything_else_goes_on(
    front: Front, redis: Redis, record_property: Callable[[str, object], None]
) -> None:
    museum = await open_museum(front)
    booking = await museum.booked()
    lasting, short = await front.event(1000), await front.event(1000, hold_seconds=SHORT_SECONDS)
    ticket_id, short_id = (event["tickets"][0]["id"] for event in (lasting, short))
    held = await asyncio.gather(*(front.held((ticket_id, 1)) for _ in range(LASTING)))
    key = {"Idempotency-Key": "known"}
    known = await front.reserve((ticket_id, 1), customer="known", headers=key)
    assert known.status == 201
    await asyncio.gather(*(front.held((short_id, 1)) for _ in range(SHORT)))
    await fill_up(redis, Fullness.HARD)

    cart = f"/v1/orders/carts/{uuid4()}"
    item = {"event_id": lasting["id"], "price_id": ticket_id, "quantity": 1}
    new_event = {"name": "New", "starts_at": "2027-06-01T18:00:00Z", "tickets": [ticket("T", 1)]}
    refused = await asyncio.gather(
        *(front.reserve((ticket_id, 1)) for _ in range(20)),
        front.reserve((ticket_id, 1), headers={"Idempotency-Key": "new"}),
        front.call("POST", cart, item),
        front.call("POST", cart, item, headers={"Idempotency-Key": "cart"}),
        museum.book("16:15"),
        museum.change(booking, time="19:00"),
        front.call("POST", "/v1/events", new_event),
        front.call("POST", "/v1/venues", HALL),
        front.call("POST", f"/v1/events/{lasting['id']}/tickets", ticket("T2", 1)),
        front.get("/readyz"),
    )
    assert [answer.body for answer in refused if not is_refused(answer)] == []
    assert refused[-1].body["missing"] == ["redis memory"]
    assert (await front.get("/healthz")).status == 200
    assert (await front.reserve((ticket_id, 1), customer="known", headers=key)).body["id"] == known.body["id"]

    for path in ("/v1/events", f"/v1/events/{lasting['id']}/availability", f"/v1/tickets/{ticket_id}", cart):
        assert (await front.get(path)).status in (200, 404)
    assert Counter(one["status"] for one in await asyncio.gather(*map(front.read, held))) == {"held": LASTING}
    assert (await museum.read(booking)).status == 200
    paths = [f"/v1/reservations/{one['id']}" for one in held]
    cancelled = await asyncio.gather(*(front.call("DELETE", path) for path in paths[:50]))
    assert {answer.status for answer in cancelled} == {204}
    keys = [{"Idempotency-Key": f"pay-{number}"} for number in range(50)]
    for _ in range(2):
        payments = (front.pay(one, headers=sent) for one, sent in zip(held[50:100], keys, strict=True))
        paid = await asyncio.gather(*payments)
        assert {answer.status for answer in paid} == {200}
    declined = await front.pay(held[100], "card_error")
    assert declined.code == "card_declined"
    refund = await front.call("POST", f"{paths[50]}/refund", {"restock": True}, headers={"Idempotency-Key": "refund"})
    assert refund.status == 200
    unbooked = await front.call("DELETE", f"{museum.path}/bookings/{booking['id']}")
    assert unbooked.status == 204
    paused = await front.call("PATCH", f"/v1/events/{lasting['id']}", {"status": "paused"})
    assert paused.body["status"] == "paused"
    assert (await front.call("PATCH", f"/v1/events/{lasting['id']}", {"status": "on_sale"})).status == 200

    async def have_expired() -> bool:
        return await front.counts(short_id) == (1000, 0, 0)

    await wait_until(have_expired, SHORT_SECONDS + 5, "the holds of the second event have expired")
    assert await front.counts(ticket_id) == (1000 - LASTING - 1 + 51, LASTING + 1 - 100, 49)

    await redis.execute_command("CONFIG", "SET", "maxmemory", 0)
    began = time.monotonic()

    async def sells() -> bool:
        return (await front.reserve((ticket_id, 1))).status == 201

    await wait_until(sells, 10, "sales go on")
    took = time.monotonic() - began
    record_property("seconds until sales go on", took)
    assert took < BACK_WITHIN_SECONDS
    assert (await front.get("/readyz")).status == 200


async def test_a_cart_that_was_booked_is_paid(tour: Tour, redis: Redis) -> None:
    paid, failed = [await tour.book(await tour.take(*places)) for places in (((0, 0), (1, 0)), ((0, 1), (1, 1)))]
    open_cart = await tour.take((0, 2), (1, 2))
    await fill_up(redis, Fullness.HARD)
    assert is_refused(await tour.add(open_cart, 0, 3))
    assert (await tour.remove(open_cart, 1, 2)).status == 200
    assert (await tour.end(paid, "complete")).status == 200
    assert (await tour.end(failed, "failed")).status == 200
    assert (await tour.end(await tour.book(open_cart), "complete")).status == 200
    assert [await tour.statuses(show) for show in (0, 1)] == ["sasa", "saaa"]
    await set_limit(redis, 0)
    assert (await tour.add(await tour.take((0, 3)), 1, 3)).status == 200
