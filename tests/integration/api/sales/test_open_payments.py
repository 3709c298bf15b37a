"""Payments that are not at their end, as managers see them."""

import pytest

from api.http.pagination import list_mark
from tests.integration.api.conftest import SlowGateway
from tests.support.api.api_client import Front, Json
from tests.support.api.two_event_carts import PRICE, Tour
from tests.support.payments.charging import charge_at_gateway
from tests.support.waiting import wait_until


async def open_payments(front: Front, **query: str) -> list[Json]:
    return await front.pages("/v1/payments", **query)


@pytest.mark.usefixtures("sync")
async def test_a_disputed_payment_is_open_until_it_is_settled(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 0))
    payment_id = await tour.book(cart)
    booked = await open_payments(tour.front)
    assert [(each["id"], each["status"], each["received"]) for each in booked] == [(payment_id, "pending", None)] * 2
    await charge_at_gateway(tour.front, payment_id, 1)
    assert (await tour.end(payment_id, "complete")).body["status"] == "disputed"
    disputed = await open_payments(tour.front, status="disputed", limit="1")
    assert {each["event_id"] for each in disputed} == {event["id"] for event in tour.events}
    assert {each["received"]["amount"] for each in disputed} == {1}
    assert [each["amount"]["amount"] for each in disputed] == [PRICE, PRICE]
    assert len(await open_payments(tour.front, event_id=str(tour.events[0]["id"]))) == 1
    assert await open_payments(tour.front, status="pending") == []
    body = {"outcome": "completed", "note": "paid in cash"}
    assert (await tour.front.call("POST", f"/v1/payments/{payment_id}/settle", body)).status == 200
    assert await open_payments(tour.front) == []


async def test_a_refund_is_open_until_the_gateway_has_made_it(
    front: Front, slow_gateway: SlowGateway, sync: None
) -> None:
    del sync
    event = await front.event(5)
    paid = await front.paid((event["tickets"][0]["id"], 2))
    slow_gateway.open.clear()
    answer = await front.call("POST", f"/v1/reservations/{paid['id']}/refund", {"restock": True})
    assert answer.status == 202, answer
    (due,) = await open_payments(front, status="refund_due")
    assert (due["reservation_id"], due["refund_due"]["amount"]) == (paid["id"], 5000)
    slow_gateway.open.set()

    async def made() -> bool:
        return await open_payments(front) == []

    await wait_until(made)


async def test_a_cursor_of_nobody_is_refused(front: Front) -> None:
    for cursor in ("x", list_mark("/v1/payments") + "W10=", list_mark("/v1/payments") + "Wy0xLCAieCIsICJ5Il0="):
        assert await front.refused("GET", f"/v1/payments?cursor={cursor}") == "invalid"
