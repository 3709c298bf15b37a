"""Limits on how fast somebody takes, and on hoarding: each is hit, and who stays below it does not notice it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from engine.commands.bookings import Book, Move
from engine.commands.events import PutEvent
from engine.commands.holds import Add, Cancel, Hold, Shorten
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.engine import Engine, observe_nothing
from engine.ids import new_booking_id, new_reservation_id
from engine.inspection import server_time_ms
from engine.limits import WIDER, LimitsInForce
from engine.partition import Observe
from engine.results.bookings import Booked, Moved
from engine.results.holds import Held
from engine.results.internal import Again
from engine.results.limits import LimitExceeded, RateLimited, TooManyHolds
from engine.results.payments import Paid, Paying
from engine.results.reservations import Expired, KeyReused, NotFound
from engine.results.result import Allowance, Result
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from tests.support.engine.timed_slots import at, schedule_of
from tests.support.waiting import wait_until

EVENT, TICKET = 1, 7
IN_A_YEAR_MS = (int(time.time()) + 31_536_000) * 1000


@asynccontextmanager
async def sale(
    settings: Settings, hold_ms: int = 60_000, observe: Observe = observe_nothing, **limits: int
) -> AsyncIterator[Engine]:
    settings = replace(settings, partitions=1, **limits)
    async with Engine(settings, observe, LimitsInForce(settings)) as engine:
        tickets = [TicketTerms(TICKET, [str(TICKET)], 100)]
        terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 1000, tickets, schedule=schedule_of(1000))
        await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 1000)]))
        yield engine


async def hold(engine: Engine, customer: str = "anna", address: str = "", rid: str = "", quantity: int = 1) -> Result:
    rid = rid or new_reservation_id(EVENT)
    return await engine.submit(
        Hold(rid, EVENT, customer, "{}", "digest", items_text([(TICKET, quantity)]), address=address)
    )


async def add(engine: Engine, rid: str, quantity: int = 1, hold_ms: int = 0) -> Result:
    return await engine.submit(Add(rid, EVENT, "anna", "{}", (TICKET, quantity), hold_ms))


async def book(engine: Engine, customer: str = "anna", address: str = "", booking_id: str = "") -> Result:
    booking_id = booking_id or new_booking_id()
    return await engine.submit(Book(EVENT, booking_id, *at(IN_A_YEAR_MS), "{}", "digest", "", customer, address))


async def run_out(engine: Engine, results: Sequence[Result]) -> None:
    """Waits for the deadlines of these holds."""
    deadline_ms = max(result.record.deadline_ms for result in results if isinstance(result, Held))

    async def is_past() -> bool:
        return await server_time_ms(engine.redis) > deadline_ms

    await wait_until(is_past, 2, "the holds expire")


def left(result: Result) -> dict[str, int]:
    """The calls that may still come at once, by the limit."""
    return {allowance.who: allowance.left for allowance in result.allowances}


async def test_a_customer_may_come_in_a_burst_and_then_at_the_rate(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=60, customer_burst=3) as engine:
        assert [type(await hold(engine)) for _ in range(3)] == [Held] * 3
        refused = await hold(engine)
        assert isinstance(refused, RateLimited)
        assert (refused.who, 0 < refused.retry_ms <= 1000) == ("customer", True)
        assert isinstance(await hold(engine, "piotr"), Held), "another customer is not concerned"

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 2, "the rate allows one more")


async def test_holds_of_one_batch_are_counted_too(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=1, customer_burst=5) as engine:
        results = await asyncio.gather(*(hold(engine) for _ in range(20)))
    assert [type(result) for result in results].count(Held) == 5
    assert [type(result) for result in results].count(RateLimited) == 15


async def test_a_repeat_is_answered_whatever_the_rate(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=1, customer_burst=1) as engine:
        rid = new_reservation_id(EVENT)
        first, again = [await hold(engine, rid=rid) for _ in range(2)]
        assert isinstance(first, Held)
        assert isinstance(again, Held)
        assert again.replayed
        assert not isinstance(await hold(engine, rid=rid), RateLimited | KeyReused)


async def test_an_address_is_limited_across_its_customers(engine_settings: Settings) -> None:
    async with sale(engine_settings, address_per_minute=1, address_burst=2) as engine:
        results = [await hold(engine, f"customer-{number}", "192.0.2.1") for number in range(3)]
        assert [type(result) for result in results] == [Held, Held, RateLimited]
        assert isinstance(await hold(engine, "customer-4", "192.0.2.2"), Held)
        assert isinstance(await hold(engine, "customer-5"), Held), "where it comes from is not known: not limited"


async def test_live_holds_of_a_customer_are_limited(engine_settings: Settings) -> None:
    async with sale(engine_settings, live_holds=2) as engine:
        first, second = new_reservation_id(EVENT), new_reservation_id(EVENT)
        for rid in (first, second):
            assert isinstance(await hold(engine, rid=rid), Held)
        assert await hold(engine) == TooManyHolds(2)
        await engine.submit(Cancel(first))
        third = new_reservation_id(EVENT)
        assert isinstance(await hold(engine, rid=third), Held), "one was given back"
        assert isinstance(await engine.submit(BeginPayment(second, "pay-1", 100, "digest")), Paying)
        assert isinstance(await hold(engine), TooManyHolds), "what is being paid for lives"
        assert isinstance(await engine.submit(ConfirmPayment(second, "pay-1")), Paid)
        assert isinstance(await hold(engine), Held), "what is bought is no hold"


async def test_a_hold_that_is_shortened_moves_no_deadline_of_another_customer(engine_settings: Settings) -> None:
    """Customers who begin to hold in one call share their stored state until it changes."""
    async with sale(engine_settings, live_holds=1) as engine:
        one, other = new_reservation_id(EVENT), new_reservation_id(EVENT)
        earlier = Shorten(one, await server_time_ms(engine.redis) + 30_000)
        results = await asyncio.gather(hold(engine, rid=one), hold(engine, "piotr", rid=other), engine.submit(earlier))
        assert [type(each) for each in results] == [Held] * 3
        await engine.submit(Cancel(other))
        assert isinstance(await hold(engine, "piotr"), Held)


async def test_a_customer_at_the_hold_limit_may_add_to_a_live_hold(engine_settings: Settings) -> None:
    async with sale(engine_settings, live_holds=1) as engine:
        rid = new_reservation_id(EVENT)
        for quantity in (1, 2):
            assert isinstance(await add(engine, rid, quantity), Held)
        assert await add(engine, new_reservation_id(EVENT)) == TooManyHolds(1)


async def test_every_result_has_the_remaining_allowance(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=1, customer_burst=4, address_per_minute=2) as engine:
        first = await hold(engine, address="192.0.2.1")
        assert isinstance(first, Held)
        assert first.allowances == (Allowance("customer", 3, 60_000), Allowance("address", 99, 30_000))
        refused = await hold(engine, quantity=1000)
        assert isinstance(refused, LimitExceeded)
        assert left(refused) == {"customer": 2}, "where it comes from is not known"
        assert left(await hold(engine)) == {"customer": 1}
        last = await hold(engine)
        too_fast = await hold(engine)
        assert (type(last), type(too_fast)) == (Held, RateLimited)
        for result in (last, too_fast):
            (allowance,) = result.allowances
            assert (allowance.left, 59_000 < allowance.reset_ms <= 60_000) == (0, True), "when one may come again"


async def test_without_limits_on_speed_nothing_is_reported(engine_settings: Settings) -> None:
    for limits in ({}, {"live_holds": 5, "cool_down_expiries": 5}):
        async with sale(replace(engine_settings, **limits)) as engine:
            for result in (await hold(engine, address="192.0.2.1"), await book(engine)):
                assert isinstance(result, Held | Booked)
                assert result.allowances == ()


async def test_a_command_that_the_engine_sends_again_has_asked_once(engine_settings: Settings) -> None:
    sent: list[Result] = []

    def observe(results: list[Result], _waited: float, _took: float) -> None:
        sent.extend(results)

    async with sale(engine_settings, 50, observe, customer_per_minute=1, sweep_slice=1) as engine:
        await run_out(engine, await asyncio.gather(*(hold(engine, quantity=300) for _ in range(3))))
        sent.clear()
        result = await hold(engine, "piotr", quantity=1000)
    assert isinstance(result, Held)
    assert [type(each) for each in sent] == [Again, Again, Held]
    assert left(result) == {"customer": 19}


async def test_an_addition_to_an_expired_hold_is_not_counted(engine_settings: Settings) -> None:
    """An expired cart starts again: its item is asked for a second time, under another id."""
    async with sale(engine_settings, customer_per_minute=1, customer_burst=2) as engine:
        rid = new_reservation_id(EVENT)
        first = await add(engine, rid, hold_ms=1)
        assert left(first) == {"customer": 1}
        await run_out(engine, [first])
        assert isinstance(await add(engine, rid), Expired)
        again = await add(engine, new_reservation_id(EVENT))
        assert isinstance(again, Held)
        assert left(again) == {"customer": 0}


async def test_bookings_are_limited_too(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=1, customer_burst=4, address_per_minute=1) as engine:
        booking_id = new_booking_id()
        first, repeat = [await book(engine, booking_id=booking_id) for _ in range(2)]
        assert isinstance(repeat, Booked)
        assert (repeat.replayed, left(first), left(repeat)) == (True, {"customer": 3}, {}), "a repeat is only answered"
        assert left(await book(engine)) == {"customer": 2}
        moved = await engine.submit(Move(EVENT, booking_id, "", 0, "{1}", customer_id="anna"))
        assert (type(moved), left(moved)) == (Moved, {"customer": 1})
        guessed = await engine.submit(Move(EVENT, new_booking_id(), "", 0, "{1}", customer_id="anna"))
        assert (type(guessed), left(guessed)) == (NotFound, {"customer": 0})
        for refused in (
            await book(engine),
            await engine.submit(Move(EVENT, booking_id, "", 0, "{2}", customer_id="anna")),
        ):
            assert isinstance(refused, RateLimited)
        assert left(await book(engine, "", "192.0.2.1")) == {"address": 99}, (
            "without a customer: limited by the address alone"
        )


async def test_many_networks_of_ipv6_are_limited_by_the_one_around_them(engine_settings: Settings) -> None:
    """A /48 has 65,536 networks of /64, each of which would be somebody new."""
    async with sale(engine_settings, address_per_minute=1, address_burst=2) as engine:
        came = [
            await hold(engine, f"customer-{number}", f"2001:db8:1:{number:x}::/64 2001:db8:1::/48")
            for number in range(2 * WIDER + 3)
        ]
        assert [isinstance(result, Held) for result in came] == [True] * 2 * WIDER + [False] * 3
        refused = came[-1]
        assert isinstance(refused, RateLimited)
        assert refused.who == "address"
        assert 0 < refused.retry_ms <= 60_000 // WIDER
        assert refused.allowances == (Allowance("address", 0, refused.retry_ms),)
        assert came[0].allowances == (Allowance("address", 1, 60_000),), "the network that leaves less"
        other = await hold(engine, "anna", "2001:db8:2:1::/64 2001:db8:2::/48")
        assert isinstance(other, Held), "of another provider's customer"
        one = [await hold(engine, "bea", "2001:db8:2:2::/64 2001:db8:2::/48") for _ in range(3)]
        assert [isinstance(result, Held) for result in one] == [True, True, False], "and each /64 by itself"


async def test_bookings_of_an_address_are_limited(engine_settings: Settings) -> None:
    async with sale(engine_settings, address_per_minute=1, address_burst=2) as engine:
        results = [await book(engine, f"customer-{number}", "192.0.2.1") for number in range(3)]
        assert [type(result) for result in results] == [Booked, Booked, RateLimited]
        assert isinstance(await hold(engine, "customer-4", "192.0.2.1"), RateLimited), "it is the address of both"
        assert isinstance(await book(engine, "customer-4", "192.0.2.2"), Booked)


async def test_an_expired_hold_is_not_a_live_hold(engine_settings: Settings) -> None:
    async with sale(engine_settings, hold_ms=50, live_holds=1) as engine:
        assert isinstance(await hold(engine), Held)

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 2, "the hold expires")


async def test_after_several_expiries_comes_a_cool_down(engine_settings: Settings) -> None:
    async with sale(engine_settings, hold_ms=1, cool_down_expiries=2, cool_down_seconds=1) as engine:

        async def cools_down() -> bool:
            result = await hold(engine)
            return isinstance(result, RateLimited) and result.who == "expiries"

        await wait_until(cools_down, 2, "two holds have expired")
        refused = await hold(engine)
        assert isinstance(refused, RateLimited)
        assert 0 < refused.retry_ms <= 1000
        assert isinstance(await hold(engine, "piotr"), Held)

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 3, "the cool-down ends")


async def test_a_hold_that_was_paid_too_late_is_no_expiry(engine_settings: Settings) -> None:
    async with sale(engine_settings, hold_ms=50, cool_down_expiries=1, cool_down_seconds=600) as engine:
        rid = new_reservation_id(EVENT)
        late = await hold(engine, rid=rid)
        assert isinstance(await engine.submit(BeginPayment(rid, "pay-1", 100, "digest")), Paying)
        await run_out(engine, [late])
        await engine.submit(FailPayment(rid, "pay-1", "card_declined"))
        assert isinstance(await hold(engine), RateLimited), "nothing is bought yet"
        assert isinstance(await engine.submit(ConfirmPayment(rid, "pay-1")), Paid)
        unbought = await hold(engine)
        assert isinstance(unbought, Held)
        await run_out(engine, [unbought])
        assert isinstance(await engine.submit(ConfirmPayment(rid, "pay-1")), Paid), "a repeat forgives nothing more"
        assert isinstance(await hold(engine), RateLimited)


async def test_remembered_limits_expire(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=600, live_holds=10) as engine:
        await hold(engine)
        (key,) = [key async for key in engine.redis.scan_iter("{p00}:pace:*", count=100)]
        assert 0 < await engine.redis.pttl(key) <= 2 * 3_600_000
