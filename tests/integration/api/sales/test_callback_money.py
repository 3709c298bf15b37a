"""Money that callbacks report: voided before places go back, refunded by who took it, late, or never heard of."""

from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from engine.engine import Engine
from engine.settings import Settings
from engine.words import FailureReason
from payments.gateway import Completed, Failed, HttpGateway
from tests.integration.api.conftest import GatewayLedger, resolving
from tests.support.api.api_client import Front, Json
from tests.support.api.two_event_carts import GENERAL, PRICE, Tour
from tests.support.waiting import wait_until


@pytest.fixture
async def gateway(gateway_url: str) -> AsyncIterator[HttpGateway]:
    """The gateway as customers meet it on its own pages."""
    async with aiohttp.ClientSession() as session:
        yield HttpGateway(session, gateway_url, 5)


async def refund(front: Front, reservation_id: str) -> Json:
    return await front.call("POST", f"/v1/reservations/{reservation_id}/refund", {"restock": True})


async def paid_by_callback(tour: Tour) -> list[str]:
    """The reservations of a cart of two events that is completed."""
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    completed = await tour.end(payment_id, "complete")
    assert completed.status == 200
    reservations: list[str] = completed.body["reservations"]
    return reservations


async def test_each_reservation_of_a_cart_is_refunded_alone(tour: Tour, ledger: GatewayLedger) -> None:
    one, other = await paid_by_callback(tour)
    for _ in range(2):
        answer = await refund(tour.front, one)
        assert (answer.status, answer.body["status"], answer.body["payment"]["status"]) == (200, "refunded", "refunded")
    assert sorted([await tour.statuses(0), await tour.statuses(1)]) == ["aaaa", "saaa"]
    assert (await refund(tour.front, other)).body["status"] == "refunded"
    assert ledger.refunds() == {one: PRICE, other: PRICE}


async def test_a_cart_that_was_charged_at_the_gateway_is_refunded_of_that_charge(
    tour: Tour, gateway: HttpGateway, ledger: GatewayLedger
) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    assert await gateway.charge(payment_id, 2 * PRICE, "EUR", "tok_visa") == Completed(2 * PRICE, "EUR")
    reservations = (await tour.end(payment_id, "complete")).body["reservations"]
    for reservation_id in reservations:
        assert (await refund(tour.front, reservation_id)).body["status"] == "refunded"
    assert (ledger.kept(), ledger.returned()) == ([], [2 * PRICE])


async def test_the_message_of_a_callback_is_not_looked_at(tour: Tour) -> None:
    for number, (body, kind) in enumerate(
        (
            (b'{"type": "charge.succeeded", "data": {"id": "ch_1"}}', "application/json"),
            (b"status=failed&id=7", "application/x-www-form-urlencoded"),
            (b"{", "application/json"),
        )
    ):
        payment_id = await tour.book(await tour.take((0, number)))
        path = f"/v1/payments/{payment_id}/complete"
        answer = await tour.front.call("POST", path, raw=body, headers={"Content-Type": kind})
        assert (answer.status, answer.body["status"]) == (200, "completed"), body


@pytest.mark.usefixtures("sync")
async def test_a_callback_that_never_came_is_not_needed(tour: Tour, gateway: HttpGateway) -> None:
    cart = await tour.take((0, 0), (1, 0))
    payment_id = await tour.book(cart)
    assert await gateway.charge(payment_id, 2 * PRICE, "EUR", "tok_visa") == Completed(2 * PRICE, "EUR")

    async def sold() -> bool:
        return [await tour.statuses(show) for show in (0, 1)] == ["saaa", "saaa"]

    await wait_until(sold)
    assert (await tour.front.get(cart)).body["status"] == "completed"
    assert (await tour.end(payment_id, "complete")).body["status"] == "completed"


async def test_a_cart_is_voided_before_its_places_go_back(tour: Tour, shop: Settings, gateway: HttpGateway) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    async with resolving(msgspec.structs.replace(shop, pin_seconds=1)):

        async def given_back() -> bool:
            return await tour.statuses(0) == "aaaa"

        await wait_until(given_back)
    voided = await gateway.charge(payment_id, PRICE, "EUR", "tok_visa")
    assert voided == Failed(FailureReason.PAYMENT_FAILED), "a customer who comes to the gateway too late is not charged"


async def test_the_places_of_a_cart_stay_pinned_while_the_gateway_cannot_be_asked_to_void(
    tour: Tour, shop: Settings
) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    away = msgspec.structs.replace(shop, pin_seconds=1, gateway_url="http://127.0.0.1:1")
    async with resolving(away), Engine(shop) as engine:
        clock = engine.redis.at(engine.keys[0].meta).time

        async def twice_the_pin() -> bool:
            return (await clock())[0] >= began + 2

        began = (await clock())[0]
        await wait_until(twice_the_pin)
    assert await tour.statuses(0) == "haaa"
    assert (await tour.end(payment_id, "complete")).body["status"] == "completed"


async def test_a_cart_that_is_lost_is_sold_if_the_gateway_has_its_money(
    tour: Tour, shop: Settings, gateway: HttpGateway
) -> None:
    """As after a restore, which does not bring carts back. One that nobody pays for is voided; its holds live on."""
    sold, left = await tour.take((0, 0), (1, 0)), await tour.take((0, 1), (1, 1))
    payment_id, unpaid_id = await tour.book(sold), await tour.book(left)
    assert await gateway.charge(payment_id, 2 * PRICE, "EUR", "tok_visa") == Completed(2 * PRICE, "EUR")
    reservations = [
        (await tour.front.get(f"/v1/payments/{one}")).body["reservations"] for one in (payment_id, unpaid_id)
    ]
    for cart in (sold, left):
        await lose(shop, cart)
    async with resolving(msgspec.structs.replace(shop, pin_seconds=1)):

        async def settled() -> bool:
            return [await tour.states_of(of_cart) for of_cart in reservations] == [["paid"] * 2, ["held"] * 2]

        await wait_until(settled)
    assert await gateway.charge(unpaid_id, 2 * PRICE, "EUR", "tok_visa") == Failed(FailureReason.PAYMENT_FAILED)


async def lose(shop: Settings, cart: str) -> None:
    """Deletes a cart, as a restore does, which does not bring carts back."""
    async with Engine(shop) as engine:
        assert await engine.redis.delete(f"cart:{{{cart.rpartition('/')[2]}}}") == 1


@pytest.mark.parametrize("books_again", [False, True])
async def test_a_cart_that_is_lost_and_begun_again_is_sold_if_the_gateway_has_its_money(
    tour: Tour, shop: Settings, gateway: HttpGateway, ledger: GatewayLedger, books_again: bool
) -> None:
    cart = await tour.take((0, 0), (1, 0))
    payment_id = await tour.book(cart)
    reservations = (await tour.front.get(f"/v1/payments/{payment_id}")).body["reservations"]
    assert await gateway.charge(payment_id, 2 * PRICE, "EUR", "tok_visa") == Completed(2 * PRICE, "EUR")
    await lose(shop, cart)
    await tour.take((0, 1), cart=cart)
    if books_again:
        await tour.book(cart)
    async with resolving(shop):

        async def ended() -> bool:
            return "paying" not in await tour.states_of(reservations)

        await wait_until(ended)
    assert await tour.states_of(reservations) == ["paid"] * 2
    assert [await tour.statuses(show) for show in (0, 1)] == ["shaa", "saaa"]
    for reservation_id in reservations:
        assert (await refund(tour.front, reservation_id)).body["status"] == "refunded"
    assert (ledger.kept(), ledger.returned()) == ([], [2 * PRICE])


async def test_a_cart_that_is_lost_and_begun_again_is_voided_if_nobody_pays(
    tour: Tour, shop: Settings, gateway: HttpGateway
) -> None:
    cart = await tour.take((0, 0))
    payment_id = await tour.book(cart)
    reservations = (await tour.front.get(f"/v1/payments/{payment_id}")).body["reservations"]
    await lose(shop, cart)
    await tour.take((0, 1), cart=cart)
    async with resolving(msgspec.structs.replace(shop, pin_seconds=1)):

        async def ended() -> bool:
            return "paying" not in await tour.states_of(reservations)

        await wait_until(ended)
    assert await tour.states_of(reservations) == ["held"]
    assert await gateway.charge(payment_id, PRICE, "EUR", "tok_visa") == Failed(FailureReason.PAYMENT_FAILED)


@pytest.fixture
async def failed(tour: Tour) -> str:
    """The payment of a cart of two events that failed, and of which another customer has one seat by now."""
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    assert (await tour.end(payment_id, "failed")).status == 200
    await tour.take((1, 0))
    return payment_id


async def test_late_money_buys_what_is_left_and_goes_back_for_the_rest(
    tour: Tour, failed: str, shop: Settings, ledger: GatewayLedger
) -> None:
    ledger.complete_late(failed, 2 * PRICE)
    late = await tour.end(failed, "complete")
    assert (late.status, late.body["status"]) == (200, "completed")
    assert [await tour.statuses(show) for show in (0, 1)] == ["saaa", "haaa"]
    taken, gone = await tour.reservations_of(late.body)
    assert (taken["status"], taken["payment"]["status"]) == ("paid", "completed")
    assert (gone["status"], gone["payment"]["status"]) == ("refund_due", "refund_due")
    async with resolving(shop):

        async def refunded() -> bool:
            return bool((await tour.reservations_of(late.body))[1]["status"] == "refunded")

        await wait_until(refunded)
    assert ledger.refunds() == {gone["id"]: PRICE}
    again = (await tour.end(failed, "complete")).body
    assert [refund.pop("status") for refund in again["refunds"] + late.body["refunds"]] == ["completed", "pending"]
    assert again == late.body
    assert (await tour.end(failed, "failed")).code == "payment_settled"


async def test_late_money_is_told_again_after_some_of_it_went_back_by_an_exchange(
    tour: Tour, failed: str, ledger: GatewayLedger
) -> None:
    ledger.complete_late(failed, 2 * PRICE)
    late = await tour.end(failed, "complete")
    taken, _ = await tour.reservations_of(late.body)
    standing = tour.events[0]["tickets"][2]["id"]
    cheaper = {"items": [{"ticket_id": standing, "quantity": 1}]}
    exchanged = await tour.front.call("POST", f"/v1/reservations/{taken['id']}/exchange", cheaper)
    assert (exchanged.status, exchanged.body["refunded"]["amount"]) == (200, PRICE - GENERAL)
    assert list(ledger.refunds().values()) == [PRICE - GENERAL]
    again = await tour.end(failed, "complete")
    assert (again.status, again.body.get("status")) == (200, "completed"), again


async def test_a_late_success_unknown_to_the_gateway_is_refused(tour: Tour, failed: str) -> None:
    assert (await tour.end(failed, "complete")).code == "payment_settled"
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "haaa"]


@pytest.fixture
async def pending(front: Front, sync: None) -> Json:
    """A reservation whose charge is pending."""
    del sync
    event = await front.event(1, hold_seconds=60)
    answer = await front.pay(await front.held((event["tickets"][0]["id"], 1)), "answer_never")
    assert answer.status == 202
    return answer.body


async def test_one_that_failed_by_callback_is_voided_and_given_back_in_one_step(
    front: Front, pending: Json, gateway: HttpGateway
) -> None:
    payment = f"/v1/payments/{pending['payment']['id']}"
    answer = await front.call("POST", f"{payment}/failed")
    assert (answer.status, answer.body["status"]) == (200, "failed")
    assert (await front.read(pending))["status"] == "cancelled"
    assert await front.counts(pending["items"][0]["ticket_id"]) == (1, 0, 0)
    assert await gateway.status(pending["payment"]["id"]) == Failed(FailureReason.PAYMENT_FAILED)
    assert (await front.call("POST", f"{payment}/failed")).body == answer.body
    assert (await front.call("POST", f"{payment}/complete")).code == "payment_settled"


@pytest.mark.parametrize(("taken", "status"), [(False, "paid"), (True, "refund_due")])
async def test_late_money_of_one_reservation(
    front: Front, pending: Json, ledger: GatewayLedger, taken: bool, status: str
) -> None:
    payment = f"/v1/payments/{pending['payment']['id']}"
    assert (await front.call("POST", f"{payment}/failed")).status == 200
    if taken:
        await front.held((pending["items"][0]["ticket_id"], 1))
    ledger.complete_late(pending["payment"]["id"], 2500)
    assert (await front.call("POST", f"{payment}/complete")).status == 200
    seen = await front.read(pending)
    assert seen["status"] in ({status, "refunded"} if taken else {status})
    if taken:

        async def refunded() -> bool:
            return bool((await front.read(pending))["payment"]["status"] == "refunded")

        await wait_until(refunded)
        assert (ledger.kept(), ledger.returned()) == ([], [2500])


async def test_failed_against_the_gateways_own_books_is_not_believed(
    front: Front, pending: Json, ledger: GatewayLedger
) -> None:
    ledger.complete_late(pending["payment"]["id"], 2500)
    payment = f"/v1/payments/{pending['payment']['id']}"
    assert await front.refused("POST", f"{payment}/failed") == "payment_settled"
    assert (await front.read(pending))["status"] == "paid"
