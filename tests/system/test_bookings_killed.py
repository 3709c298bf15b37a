"""The API dies while carts are booked: of a cart all events are pinned for one payment, or none is."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from itertools import count

import pytest

from engine.carts import Carts
from engine.commands.payments import BeginPayment
from engine.engine import Engine
from engine.redis_keys import partition_of
from engine.results.payments import Paying
from tests.support.effort import effort
from tests.support.system.booked_carts import EVENTS, Cart, by_cart, check_carts, half_pinned
from tests.support.system.ledgers import check_books, live_reservations, redis_reservations, unsettled
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import PRICE_MINOR, Answer, Storefront
from tests.support.system.venues import Hall, open_tour
from tests.support.waiting import wait_until

KILLS = effort(3, 10)
MOST_KILLS = 4 * KILLS
"""If none of the first kills comes between the pins of a cart, more follow."""

SEED = 20270604
BUYERS = effort(24, 48)
ROWS, ROW_SEATS = 100, 150

RESOLVE_AFTER_MS, RESOLVE_INTERVAL_MS = 500, 200
PERIOD_SECONDS = (RESOLVE_AFTER_MS + RESOLVE_INTERVAL_MS) / 1000
"""The resolver's: how old something half done may become before it is looked at."""

HEAL_SECONDS = PERIOD_SECONDS + 2
"""The period, and time to do it on a busy machine."""

_AGAIN_SECONDS = 0.1
_SERVED_SECONDS = 30


class CartCrowd:
    """Buyers who fill a cart, book it, and hear of its payment; they remember what was answered 200, by cart."""

    def __init__(self, storefront: Storefront, halls: Sequence[Hall]) -> None:
        self.booked: dict[str, str] = {}
        """Payments of booked carts."""
        self.ended: dict[str, str] = {}
        """`paid` or `cancelled`: what the carts are whose callback was answered."""
        self._storefront = storefront
        self._halls = halls
        self._numbers = count()
        self._closed = False

    async def buy_for_ever(self) -> None:
        """One cart after the other, until `close`."""
        while not self._closed:
            await self._buy(next(self._numbers))

    def close(self) -> None:
        """No new carts."""
        self._closed = True

    async def served(self) -> None:
        """Waits until one more payment has ended."""
        ended = len(self.ended)
        await wait_until(lambda: len(self.ended) > ended, _SERVED_SECONDS, "buyers are served")

    async def _buy(self, number: int) -> None:
        """Every other buyer does not book again when no answer comes; every fourth payment never ends."""
        cart = Cart(self._storefront)
        for hall in self._halls:
            assert (await _insist(lambda hall=hall: cart.add(hall, number))).status == 200  # type: ignore[misc]
        booked = await (_insist(cart.book) if number % 2 else cart.book())
        if booked.status != 200:
            return
        self.booked[cart.customer_id] = payment_id = booked.body["payment_id"]
        outcome = ("complete", "failed", "complete", None)[number // 2 % 4]
        if outcome is not None:
            ended = await _insist(lambda: cart.end(payment_id, outcome))
            assert ended.status == 200, ended
            self.ended[cart.customer_id] = "paid" if outcome == "complete" else "cancelled"


async def _insist(request: Callable[[], Coroutine[None, None, Answer]]) -> Answer:
    """Asks until there is an answer that says what is."""
    while True:
        answer = await request()
        # What was pinned for a booking that died is a payment under way, until the resolver has looked at it.
        if answer.status not in {0, 503} and answer.code != "payment_in_progress":
            return answer
        await asyncio.sleep(_AGAIN_SECONDS)


async def test_a_cart_is_booked_as_a_whole_or_not_at_all(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    _resolve_early(stack)
    await stack.start("gateway", "sync", "api")
    crowd = CartCrowd(storefront, await _two_partitions(stack, storefront, ROWS, ROW_SEATS))
    chance = random.Random(SEED)  # noqa: S311  # no secret
    caught = 0

    async with asyncio.TaskGroup() as buyers:
        for _ in range(BUYERS):
            buyers.create_task(crowd.buy_for_ever())
        for kill in range(MOST_KILLS):
            if kill >= KILLS and caught:
                break
            await crowd.served()
            await asyncio.sleep(chance.uniform(0, 0.5))
            stack.kill("api")
            caught += len(half_pinned(live_reservations(stack).values()))
            if kill % 2 == 0:  # with nobody else who could; every other time, beside those who book again
                await _is_healed(stack)
            await stack.start("api")
        crowd.close()

    assert caught, "no kill came between the pins of a cart"
    await _is_healed(stack)
    found = redis_reservations(stack).values()
    check_carts(found)
    states = {cart: [one.status for one in reservations] for cart, reservations in by_cart(found).items()}
    assert {cart: states[cart] for cart in crowd.booked} == {
        cart: [crowd.ended.get(cart, "paying")] * EVENTS for cart in crowd.booked
    }
    assert {"paid", "cancelled", "paying"} <= {crowd.ended.get(cart, "paying") for cart in crowd.booked}
    half = next(one for one in found if one.status == "paid")
    with pytest.raises(AssertionError):  # the check must be able to fail
        check_carts([one for one in found if one != half])
    await check_books(stack)


async def test_the_resolver_unpins_the_places_of_a_killed_booking(stack: Stack, storefront: Storefront) -> None:
    _resolve_early(stack)
    await stack.start("api")
    halls = await _two_partitions(stack, storefront, 1, 4)
    cart = Cart(storefront)
    await cart.fill(halls, 0)
    stack.kill("api")
    payment_id = await _pin_the_first(stack, cart)
    assert half_pinned(live_reservations(stack).values()) == [cart.customer_id]

    await stack.start("sync")
    await _is_healed(stack)

    (reservations,) = by_cart(live_reservations(stack).values()).values()
    assert [one.status for one in reservations] == ["held", "held"]
    assert [one.payments for one in reservations] == [((payment_id, "failed", PRICE_MINOR),), ()]
    await stack.start("gateway", "api")
    booked = await cart.book()
    assert booked.status == 200, booked
    assert booked.body["payment_id"] != payment_id
    assert (await cart.end(booked.body["payment_id"], "complete")).status == 200
    assert await _statuses(stack) == Counter(paid=2)
    await check_books(stack)


async def test_booking_again_pins_the_rest_for_the_same_payment(stack: Stack, storefront: Storefront) -> None:
    await stack.start("api")
    halls = await _two_partitions(stack, storefront, 1, 4)
    cart = Cart(storefront)
    await cart.fill(halls, 0)
    stack.kill("api")
    payment_id = await _pin_the_first(stack, cart)

    await stack.start("api")
    booked = await cart.book()
    await stack.start("sync")  # which would give back on its own what nobody books for a while

    assert (booked.status, booked.body) == (200, {"payment_id": payment_id})
    assert half_pinned(live_reservations(stack).values()) == []
    assert await _statuses(stack) == Counter(paying=2)
    await check_books(stack)


async def test_nothing_stays_pinned_for_ever(stack: Stack, storefront: Storefront) -> None:
    """A cart is booked, and the customer, who was to pay at the gateway, is not heard of again."""
    _resolve_early(stack)
    stack.configure(pin_seconds=2)
    await stack.start("gateway", "sync", "api")
    halls = await _two_partitions(stack, storefront, 1, 4)
    cart = Cart(storefront)
    await cart.fill(halls, 0)
    booked = await cart.book()
    assert booked.status == 200, booked
    stack.kill("api")
    assert await _statuses(stack) == Counter(paying=2)

    await wait_until(lambda: not unsettled(stack), stack.settings.pin_seconds + HEAL_SECONDS, "the pins are given up")

    assert await _statuses(stack) == Counter(cancelled=2)
    await stack.start("api")
    late = await cart.end(booked.body["payment_id"], "complete")
    assert (late.status, late.code) == (409, "payment_settled")
    assert (await cart.end(booked.body["payment_id"], "failed")).status == 200
    await Cart(storefront).fill(halls, 0)  # somebody else may have the seats
    await check_books(stack)


def _resolve_early(stack: Stack) -> None:
    # The resolver waits at least for as long as the gateway may take.
    stack.configure(
        gateway_timeout_ms=RESOLVE_AFTER_MS - 1,
        resolve_after_ms=RESOLVE_AFTER_MS,
        resolve_interval_ms=RESOLVE_INTERVAL_MS,
    )


async def _two_partitions(stack: Stack, storefront: Storefront, rows: int, seats: int) -> list[Hall]:
    halls = await open_tour(storefront, rows, seats, events=EVENTS)
    assert len({partition_of(hall.event_id, stack.settings.partitions) for hall in halls}) == EVENTS
    return halls


async def _is_healed(stack: Stack) -> None:
    await wait_until(lambda: not half_pinned(live_reservations(stack).values()), HEAL_SECONDS, "no cart is half pinned")


async def _pin_the_first(stack: Stack, cart: Cart) -> str:
    """The steps of an API that dies between the two pins; the payment's id."""
    async with Engine(stack.settings) as engine:
        _, booking = await Carts(engine).begin(cart.id)
        pinned = await engine.submit(BeginPayment(booking.reservation_ids[0], booking.payment_id, PRICE_MINOR, ""))
        assert isinstance(pinned, Paying)
        return booking.payment_id


async def _statuses(stack: Stack) -> Counter[str]:
    return Counter(one.status for one in redis_reservations(stack).values())
