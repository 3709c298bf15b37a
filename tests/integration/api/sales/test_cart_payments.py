"""Carts are booked and paid as one, and a payment ends by a callback."""

import asyncio

import msgspec
import pytest

from api.app_keys import ENGINE
from engine.carts import Carts, CartState, CartWord
from engine.commands.payments import BeginPayment
from engine.engine import Engine
from engine.results.payments import Paying
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, SlowGateway, resolving
from tests.support.api.two_event_carts import GENERAL, PRICE, Tour, check_cart
from tests.support.waiting import wait_until


async def test_booking_pins_every_seat_for_one_payment(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 2))
    payment_id = await tour.book(cart)
    assert await tour.book(cart) == payment_id
    shown = (await tour.front.get(cart)).body
    check_cart(shown)
    assert (shown["status"], shown["payment_id"], len(shown["items"])) == ("booked", payment_id, 2)
    payment = (await tour.front.get(f"/v1/payments/{payment_id}")).body
    assert payment.pop("reservations")
    assert payment == {"id": payment_id, "status": "pending", "amount": 2 * PRICE, "currency": "EUR", "refunds": []}
    assert await tour.states(cart) == ["paying", "paying"]
    assert (await tour.add(cart, 0, 1)).code == "payment_in_progress"
    assert (await tour.remove(cart, 0, 0)).code == "payment_in_progress"


@pytest.mark.parametrize(
    ("outcome", "status", "seats", "state"),
    [("complete", "completed", "saaa", "paid"), ("failed", "failed", "aaaa", "cancelled")],
)
async def test_a_callback_ends_a_payment_once(tour: Tour, outcome: str, status: str, seats: str, state: str) -> None:
    cart = await tour.take((0, 0), (1, 0))
    payment_id = await tour.book(cart)
    first = await tour.end(payment_id, outcome)
    assert (first.status, first.body["status"], first.body["amount"]) == (200, status, 2 * PRICE)
    assert [await tour.statuses(show) for show in (0, 1)] == [seats, seats]
    again = await tour.front.call("POST", f"/v1/payments/{payment_id}/{outcome}", {})
    assert (again.status, again.body) == (200, first.body)
    other = "failed" if outcome == "complete" else "complete"
    assert (await tour.end(payment_id, other)).code == "payment_settled"
    assert [await tour.statuses(show) for show in (0, 1)] == [seats, seats]
    assert await tour.states(cart) == [state, state]
    shown = (await tour.front.get(cart)).body
    check_cart(shown)
    assert (shown["status"], len(shown["items"])) == (status, 2)
    assert (await tour.front.get(f"/v1/payments/{payment_id}")).body == first.body


async def test_callbacks_that_contradict_each_other_at_once(tour: Tour) -> None:
    for _ in range(5):
        payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
        answers = await asyncio.gather(*(tour.end(payment_id, one) for one in ("complete", "failed") * 3))
        assert sorted(answer.status for answer in answers) == [200] * 3 + [409] * 3
        seats = [await tour.statuses(show) for show in (0, 1)]
        if answers[0].status == 200:
            assert seats == ["saaa", "saaa"]
            return
        assert seats == ["aaaa", "aaaa"]


@pytest.mark.usefixtures("sync")
async def test_after_a_failed_payment_a_new_item_restarts_the_cart(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    payment_id = await tour.book(cart)
    await tour.end(payment_id, "failed")
    assert await tour.front.refused("PUT", f"{cart}/book") == "payment_settled"
    await tour.take((1, 1), cart=cart)
    assert len((await tour.front.get(cart)).body["items"]) == 1
    second = await tour.book(cart)
    assert second != payment_id

    async def archived() -> bool:
        answer = await tour.front.get(f"/v1/payments/{payment_id}")
        return answer.status == 200 and answer.body["status"] == "failed"

    await wait_until(archived)
    assert (await tour.end(payment_id, "failed")).body["amount"] == PRICE
    assert (await tour.end(payment_id, "complete")).code == "payment_settled"
    assert (await tour.end(second, "complete")).body["status"] == "completed"
    assert (await tour.add(cart, 0, 3)).code == "already_paid"


async def test_an_event_that_refuses_leaves_nothing_pinned(
    tour: Tour, ledger: GatewayLedger, slow_gateway: SlowGateway
) -> None:
    cart = await tour.take((0, 0), (1, 0))
    events = sorted(event["id"] for event in tour.events)
    last = [event["id"] for event in tour.events].index(events[-1])
    slow_gateway.open.clear()
    async with asyncio.TaskGroup() as group:
        alone = group.create_task(pay_alone(tour, cart, last))
        await wait_until(lambda: ledger.kept() == [PRICE])
        assert await tour.front.refused("PUT", f"{cart}/book") == "payment_in_progress"
        slow_gateway.open.set()
    assert alone.result() == 200
    assert await tour.statuses(1 - last) == "haaa"
    assert (await tour.remove(cart, 1 - last, 0)).status == 200, "it is held, not pinned"


async def test_a_booking_leaves_out_separately_paid_reservations(tour: Tour, ledger: GatewayLedger) -> None:
    cart = await tour.take((0, 0), (1, 0))
    assert await pay_alone(tour, cart, 0) == 200
    payment_id = await tour.book(cart)
    payment = (await tour.front.get(f"/v1/payments/{payment_id}")).body
    assert (payment["amount"], len(payment["reservations"])) == (PRICE, 1)
    assert len((await tour.front.get(cart)).body["items"]) == 1
    assert (await tour.end(payment_id, "failed")).status == 200
    assert [await tour.statuses(show) for show in (0, 1)] == ["saaa", "aaaa"]
    assert ledger.kept() == [PRICE]


async def test_a_cart_with_only_paid_reservations_has_nothing_to_book(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 0))
    for show in (0, 1):
        assert await pay_alone(tour, cart, show) == 200
    assert await tour.front.refused("PUT", f"{cart}/book") == "already_paid"


async def pay_alone(tour: Tour, cart: str, show: int) -> int:
    """Pays the cart's reservation of one event as a reservation of its own."""
    body = {"amount": PRICE, "currency": "EUR", "payment_token": "tok_visa"}
    app = tour.front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    found = await Carts(app[ENGINE]).read(cart.rsplit("/", 1)[1])
    reservation_id = found.reservation_id(tour.events[show]["id"])
    return (await tour.front.call("POST", f"/v1/reservations/{reservation_id}/pay", body)).status


async def test_books_at_once_are_one_booking(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 0))
    assert len(set(await asyncio.gather(*(tour.book(cart) for _ in range(6))))) == 1
    assert await tour.states(cart) == ["paying", "paying"]


@pytest.fixture
async def died_between_pins(tour: Tour, shop: Settings) -> str:
    """A cart whose booking pinned one reservation of two, and went no further."""
    cart = await tour.take((0, 0), (1, 0))
    async with Engine(shop) as engine:
        _, booking = await Carts(engine).begin(cart.rsplit("/", 1)[1])
        pin = BeginPayment(booking.reservation_ids[0], booking.payment_id, PRICE, "")
        assert isinstance(await engine.submit(pin), Paying)
    return cart


@pytest.mark.usefixtures("sync")
async def test_the_resolver_unpins_the_places_of_an_interrupted_booking(tour: Tour, died_between_pins: str) -> None:
    async def unpinned() -> bool:
        return (await tour.remove(died_between_pins, 0, 0)).status == 200

    await wait_until(unpinned)
    assert (await tour.front.get(died_between_pins)).body["status"] == "open"
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "haaa"]
    await tour.book(died_between_pins)


async def test_booking_again_goes_on_where_a_booking_died(tour: Tour, died_between_pins: str) -> None:
    await tour.book(died_between_pins)
    assert await tour.states(died_between_pins) == ["paying", "paying"]


async def test_an_undone_booking_is_voided_and_unpinned_although_the_cart_was_booked_again(
    tour: Tour, shop: Settings, died_between_pins: str
) -> None:
    async with Engine(shop) as engine:
        carts = Carts(engine)
        undone = await carts.read(died_between_pins.rsplit("/", 1)[1])
        assert await carts.unbook(undone) is CartWord.OK
        _, again = await carts.begin(undone.cart_id)
        assert again.gave_up(undone.payment_id)
        assert not again.gave_up(again.payment_id)
        async with resolving(shop):

            async def unpinned() -> bool:
                return (await tour.states_of(undone.reservation_ids)) == ["held", "held"]

            await wait_until(unpinned)


@pytest.mark.parametrize(("outcome", "seats"), [("completed", "saaa"), ("failed", "aaaa")])
async def test_the_resolver_finishes_an_interrupted_callback(
    tour: Tour, shop: Settings, outcome: str, seats: str, sync: None
) -> None:
    cart = await tour.take((0, 0), (1, 0))
    await tour.book(cart)
    async with Engine(shop) as engine:
        carts = Carts(engine)
        await carts.settle(await carts.read(cart.rsplit("/", 1)[1]), CartState(outcome))

    async def done() -> bool:
        return [await tour.statuses(show) for show in (0, 1)] == [seats, seats]

    await wait_until(done)
    assert (await tour.front.get(cart)).body["status"] == outcome


async def test_a_payment_that_nobody_calls_back_about_fails(tour: Tour, shop: Settings) -> None:
    cart = await tour.take((0, 0), (1, 0))
    payment_id = await tour.book(cart)
    async with resolving(msgspec.structs.replace(shop, pin_seconds=1)):

        async def failed() -> bool:
            return bool((await tour.front.get(f"/v1/payments/{payment_id}")).body["status"] == "failed")

        await wait_until(failed)
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "aaaa"]
    assert (await tour.end(payment_id, "complete")).code == "payment_settled"


async def test_the_payment_of_one_reservation_can_be_looked_up_at_once(tour: Tour) -> None:
    """No worker runs, so Postgres does not know it."""
    reservation = await tour.front.paid((tour.events[0]["tickets"][2]["id"], 2))
    payment_id = reservation["payment"]["id"]
    answer = await tour.front.get(f"/v1/payments/{payment_id}")
    assert answer.body == {
        "id": payment_id,
        "status": "completed",
        "amount": 2 * GENERAL,
        "currency": "EUR",
        "reservations": [reservation["id"]],
        "refunds": [],
    }
    assert (await tour.end(payment_id, "complete")).body == answer.body
    assert (await tour.end(payment_id, "failed")).code == "payment_settled"


async def test_a_declined_payment_can_be_looked_up_at_once(tour: Tour) -> None:
    held = await tour.front.held((tour.events[0]["tickets"][2]["id"], 2))
    assert (await tour.front.pay(held, "card_error")).code == "card_declined"
    payment = (await tour.front.read(held))["payment"]
    assert (await tour.front.get(f"/v1/payments/{payment['id']}")).body["status"] == payment["status"] == "failed"
