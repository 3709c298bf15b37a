"""The key of a cart: every wish in every state, and what is damaged."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from msgspec.structs import replace

from engine.carts import MAX_EVENTS, Cart, Carts, CartState, CartWord, cart_id_of, cart_of_payment
from engine.engine import Engine
from engine.ids import event_of
from tests.support.waiting import wait_until

HOLD_MS = 60_000

Wish = Callable[[Cart], Awaitable[CartWord]]


@pytest.fixture
def carts(engine: Engine) -> Carts:
    return Carts(engine)


async def joined(carts: Carts, *events: int, cart_id: str | None = None, hold_ms: int = HOLD_MS, gone: int = 0) -> Cart:
    cart = await carts.read(cart_id or str(uuid4()))
    for event_id in events or (1,):
        word, cart = await carts.join(cart.cart_id, event_id, hold_ms, gone)
        assert word is CartWord.OK
    return cart


async def in_state(carts: Carts, state: CartState) -> Cart:
    """A cart of one event, taken to a state by the shortest way."""
    if state is CartState.NONE:
        return await carts.read(str(uuid4()))
    cart = await joined(carts)
    if state is not CartState.OPEN:
        _, cart = await carts.begin(cart.cart_id)
    if state not in (CartState.OPEN, CartState.BOOKING):
        await carts.book(cart)
    if state in (CartState.COMPLETED, CartState.FAILED):
        await carts.settle(cart, state)
    cart = await carts.read(cart.cart_id)
    assert cart.state is state
    return cart


async def ran_out(carts: Carts, cart: Cart) -> None:
    async def passed() -> bool:
        return (await carts.read(cart.cart_id)).ran_out

    await wait_until(passed)


async def test_reading_makes_nothing(engine: Engine, carts: Carts) -> None:
    cart = await carts.read(str(uuid4()))
    assert (cart.state, cart.generation, cart.deadline_ms, cart.payment, cart.event_ids) == ("none", 0, 0, 0, [])
    assert [key async for key in engine.redis.scan_iter(match="cart:*", count=100)] == []


async def test_the_first_event_starts_the_deadline_and_longer_holds_do_not_move_it(carts: Carts) -> None:
    first = await joined(carts, 1)
    assert first.deadline_ms == first.now_ms + HOLD_MS
    second = await joined(carts, 2, 1, cart_id=first.cart_id, hold_ms=2 * HOLD_MS)
    assert (second.deadline_ms, second.generation) == (first.deadline_ms, first.generation)
    assert second.event_ids == [1, 2]
    assert [event_of(one) for one in second.reservation_ids] == [1, 2]
    assert second.reservation_ids[0] == first.reservation_ids[0]


async def test_an_expired_cart_restarts_with_other_ids(carts: Carts) -> None:
    before = await joined(carts, 1, 2, hold_ms=1)
    await ran_out(carts, before)
    assert (await carts.begin(before.cart_id))[0] is CartWord.EXPIRED
    after = await joined(carts, 1, cart_id=before.cart_id)
    assert after.generation > before.generation
    assert after.event_ids == [1]
    assert after.reservation_ids[0] != before.reservation_ids[0]


async def test_a_generation_without_holds_restarts_once(carts: Carts) -> None:
    before = await joined(carts, 1, 2)
    after = await joined(carts, 2, cart_id=before.cart_id, gone=before.generation)
    again = await joined(carts, 1, cart_id=before.cart_id, gone=before.generation)
    assert after.generation > before.generation
    assert again.generation == after.generation
    assert again.event_ids == [1, 2]


async def test_generations_and_payments_of_one_millisecond_differ(carts: Carts) -> None:
    cart = await joined(carts)
    generations, payments = {cart.generation}, set()
    for _ in range(20):
        _, booking = await carts.begin(cart.cart_id)
        payments.add(booking.payment_id)
        await carts.unbook(booking)
        cart = await joined(carts, cart_id=cart.cart_id, gone=cart.generation)
        generations.add(cart.generation)
    assert (len(generations), len(payments)) == (21, 20)


async def test_leaving_undoes_a_join_and_the_cart_goes_with_its_last_event(carts: Carts) -> None:
    alone, two = await joined(carts, 1), await joined(carts, 1, 2)
    assert await carts.leave(two, 2) is CartWord.OK
    assert await carts.leave(two, 2) is CartWord.REFUSED, "it has left"
    left = await carts.read(two.cart_id)
    assert (left.deadline_ms, left.event_ids) == (two.deadline_ms, [1])
    newer = await joined(carts, 1, cart_id=alone.cart_id, gone=alone.generation)
    assert await carts.leave(alone, 1) is CartWord.REFUSED, "of another generation"
    assert await carts.leave(newer, 1) is CartWord.OK
    left = await carts.read(alone.cart_id)
    assert (left.deadline_ms, left.event_ids) == (0, [])
    assert (await joined(carts, 1, cart_id=alone.cart_id)).generation > newer.generation


async def test_an_event_that_was_dropped_comes_back_under_another_id(carts: Carts) -> None:
    before = await joined(carts, 1, 2)
    assert await carts.drop(before, 1) is CartWord.OK
    assert await carts.drop(before, 1) is CartWord.REFUSED
    after = await joined(carts, 1, cart_id=before.cart_id)
    assert (after.generation, after.event_ids) == (before.generation, [1, 2])
    assert after.reservation_id(2) == before.reservation_id(2)
    assert after.reservation_id(1) != before.reservation_id(1)


async def test_a_part_that_ended_is_renewed_once_and_the_rest_stays(carts: Carts) -> None:
    before = await joined(carts, 1, 2)
    for _ in range(2):
        word, after = await carts.join(before.cart_id, 1, HOLD_MS, gone_part=before.parts[1])
        assert (word, after.generation, after.parts[2]) == (CartWord.OK, before.generation, before.parts[2])
        assert after.parts[1] == 3


async def test_an_empty_cart_starts_again(carts: Carts) -> None:
    before = await joined(carts, 1)
    await carts.drop(before, 1)
    emptied = await carts.read(before.cart_id)
    assert (emptied.state, emptied.deadline_ms, emptied.event_ids) == (CartState.OPEN, before.deadline_ms, [])
    after = await joined(carts, 1, cart_id=before.cart_id)
    assert after.generation > before.generation
    assert after.deadline_ms >= before.deadline_ms


async def test_a_deadline_moves_earlier_and_never_later(carts: Carts) -> None:
    cart = await joined(carts, 1)
    for deadline_ms in (cart.deadline_ms - 5_000, cart.deadline_ms - 1_000):
        word, shortened = await carts.shorten(cart, deadline_ms)
        assert (word, shortened.deadline_ms) == (CartWord.OK, cart.deadline_ms - 5_000)
    newer = await joined(carts, 1, cart_id=cart.cart_id, gone=cart.generation)
    assert (await carts.shorten(cart, 1))[0] is CartWord.REFUSED, "of another generation"
    assert (await carts.read(cart.cart_id)).deadline_ms == newer.deadline_ms


async def test_a_discarded_cart_is_gone_and_starts_again(carts: Carts) -> None:
    cart = await joined(carts, 1, 2)
    for _ in range(2):
        word, discarded = await carts.discard(cart.cart_id)
        assert (word, discarded.deadline_ms) == (CartWord.OK, 0)
        assert discarded.reservation_ids == cart.reservation_ids, "so that they can be given back"
    assert (await carts.begin(cart.cart_id))[0] is CartWord.EXPIRED
    assert (await joined(carts, 1, cart_id=cart.cart_id)).generation > cart.generation


async def test_a_cart_has_a_limit(carts: Carts) -> None:
    cart = await joined(carts, *range(1, MAX_EVENTS + 1))
    assert (await carts.join(cart.cart_id, MAX_EVENTS + 1, HOLD_MS))[0] is CartWord.FULL
    assert (await carts.join(cart.cart_id, MAX_EVENTS, HOLD_MS))[0] is CartWord.OK


ALLOWED = {
    "join": {"none": "open", "open": "open", "failed": "open"},
    "shorten": {"open": "open"},
    "discard": {"open": "open", "failed": "failed"},
    "begin": {
        "open": "booking",
        "booking": "booking",
        "booked": "booked",
        "completed": "completed",
        "failed": "failed",
    },
    "book": {"booking": "booked", "booked": "booked"},
    "unbook": {"booking": "open", "open": "open"},
    "completed": {"booked": "completed", "completed": "completed"},
    "failed": {"booked": "failed", "failed": "failed"},
}
"""By wish: the states in which it is granted, and the state after it."""


@pytest.mark.parametrize("wish", ALLOWED)
@pytest.mark.parametrize("state", list(CartState))
async def test_every_wish_in_every_state(carts: Carts, wish: str, state: CartState) -> None:
    cart = await in_state(carts, state)
    wishes: dict[str, Wish] = {
        "join": lambda cart: first_of(carts.join(cart.cart_id, 1, HOLD_MS)),
        "shorten": lambda cart: first_of(carts.shorten(cart, 1)),
        "discard": lambda cart: first_of(carts.discard(cart.cart_id)),
        "begin": lambda cart: first_of(carts.begin(cart.cart_id)),
        "book": carts.book,
        "unbook": carts.unbook,
        "completed": lambda cart: first_of(carts.settle(cart, CartState.COMPLETED)),
        "failed": lambda cart: first_of(carts.settle(cart, CartState.FAILED)),
    }
    after = ALLOWED[wish].get(state)
    for _ in range(2):
        word = await wishes[wish](cart)
        assert (word is CartWord.OK) == (after is not None)
        assert (await carts.read(cart.cart_id)).state == (after or state)


async def first_of(answer: Awaitable[tuple[CartWord, Cart]]) -> CartWord:
    return (await answer)[0]


@pytest.mark.parametrize("state", [CartState.BOOKING, CartState.BOOKED])
async def test_wishes_about_an_earlier_payment_are_refused(carts: Carts, state: CartState) -> None:
    cart = await joined(carts)
    _, earlier = await carts.begin(cart.cart_id)
    await carts.unbook(earlier)
    _, later = await carts.begin(cart.cart_id)
    if state is CartState.BOOKED:
        await carts.book(later)
    for word in (
        await carts.book(earlier),
        await carts.unbook(earlier),
        await first_of(carts.settle(earlier, CartState.COMPLETED)),
        await first_of(carts.settle(earlier, CartState.FAILED)),
    ):
        assert word is CartWord.REFUSED
    assert (await carts.read(cart.cart_id)).state is state


async def test_one_outcome_wins(carts: Carts) -> None:
    cart = await in_state(carts, CartState.BOOKED)
    outcomes = [CartState.COMPLETED, CartState.FAILED] * 10
    words = [word for word, _ in await asyncio.gather(*(carts.settle(cart, outcome) for outcome in outcomes))]
    assert words == [CartWord.OK, CartWord.REFUSED] * 10


async def test_a_booking_that_died_long_ago_does_not_keep_the_cart(engine: Engine, carts: Carts) -> None:
    cart = await in_state(carts, CartState.BOOKING)
    await engine.redis.execute_command("HSET", key_of(cart), "payment", cart.now_ms - 29_000)
    assert (await carts.read(cart.cart_id)).state is CartState.BOOKING
    await engine.redis.execute_command("HSET", key_of(cart), "payment", cart.now_ms - 30_000)
    died = await carts.read(cart.cart_id)
    assert died.state is CartState.OPEN
    assert await carts.book(died) is CartWord.REFUSED
    assert (await joined(carts, 2, cart_id=cart.cart_id)).event_ids == [1, 2]


@pytest.mark.parametrize("state", [state for state in CartState if state is not CartState.NONE])
async def test_a_cart_is_kept_past_its_deadline_and_not_for_ever(
    engine: Engine, carts: Carts, state: CartState
) -> None:
    cart = await in_state(carts, state)
    keep_ms = (engine.settings.archive_seconds + engine.settings.pin_seconds) * 1000
    lives_ms = await engine.redis.pttl(key_of(cart))
    assert cart.deadline_ms - cart.now_ms + keep_ms - 5_000 < lives_ms <= HOLD_MS + keep_ms


@pytest.mark.damages_keys
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", b"sold"),
        ("state", b""),
        ("generation", b"x"),
        ("deadline_ms", b""),
        ("payment", b"1 2"),
        ("parts", b""),
    ],
)
async def test_a_damaged_cart_is_not_touched(engine: Engine, carts: Carts, field: str, value: bytes) -> None:
    cart = await in_state(carts, CartState.BOOKED)
    await engine.redis.execute_command("HSET", key_of(cart), field, value)
    before = await engine.redis.hgetall(key_of(cart))
    for call in every_call(carts, cart):
        with pytest.raises(Exception, match="damaged cart"):
            await call
    assert await engine.redis.hgetall(key_of(cart)) == before


@pytest.mark.damages_keys
async def test_a_cart_key_of_another_type_is_not_touched(engine: Engine, carts: Carts) -> None:
    cart = replace(await carts.read(str(uuid4())), parts={1: 1})
    await engine.redis.execute_command("SET", key_of(cart), "x")
    for call in every_call(carts, cart):
        with pytest.raises(Exception, match="WRONGTYPE"):
            await call
    assert await engine.redis.get(key_of(cart)) == b"x"


def every_call(carts: Carts, cart: Cart) -> list[Awaitable[object]]:
    return [
        carts.read(cart.cart_id),
        carts.join(cart.cart_id, 1, HOLD_MS),
        carts.leave(cart, 1),
        carts.shorten(cart, 1),
        carts.drop(cart, 1),
        carts.discard(cart.cart_id),
        carts.begin(cart.cart_id),
        carts.book(cart),
        carts.unbook(cart),
        carts.settle(cart, CartState.COMPLETED),
    ]


def key_of(cart: Cart) -> str:
    return f"cart:{{{cart.cart_id}}}"


def test_ids() -> None:
    cart = Cart(str(uuid4()), 0, CartState.OPEN, 5, 0, 6, "", {1: 1}, {1: "1-AAAAAAAAAAAAAAAA"})
    assert cart_of_payment(cart.payment_id) == cart.cart_id
    assert cart_id_of(cart.cart_id.upper()) == cart.cart_id
    assert len(cart.customer_id) <= 64
    for other in ("", "1", cart.cart_id[:-1], f"{cart.cart_id}0", f"{{{cart.cart_id}}}", f"{cart.cart_id}\n"):
        assert cart_id_of(other) is None
    for other in (f"pay-{cart.cart_id}-1", f"cart-{cart.cart_id}", f"cart-{cart.cart_id}-0", f"{cart.payment_id}\n"):
        assert cart_of_payment(other) is None
