"""Limits on how fast somebody takes, and on hoarding: each is hit, and who stays below it does not notice it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from engine.commands import BeginPayment, Cancel, ConfirmPayment, Hold, PutEvent
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.records import PoolCapacity, Terms, TicketTerms
from engine.results import Held, KeyReused, Paid, Paying, RateLimited, Result, TooManyHolds
from engine.settings import Settings
from engine.words import EventStatus
from tests.waiting import wait_until

EVENT, TICKET = 1, 7


@asynccontextmanager
async def sale(settings: Settings, hold_ms: int = 60_000, **limits: int) -> AsyncIterator[Engine]:
    async with Engine(replace(settings, partitions=1, **limits)) as engine:
        terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 1000, [TicketTerms(TICKET, [str(TICKET)], 100)])
        await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 1000)]))
        yield engine


async def hold(engine: Engine, customer: str = "anna", address: str = "", rid: str = "") -> Result:
    rid = rid or new_reservation_id(EVENT)
    return await engine.submit(Hold(rid, EVENT, customer, "{}", "digest", [(TICKET, 1)], address=address))


async def test_a_customer_may_come_in_a_burst_and_then_at_the_rate(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=600, customer_burst=3) as engine:
        assert [type(await hold(engine)) for _ in range(3)] == [Held] * 3
        refused = await hold(engine)
        assert isinstance(refused, RateLimited)
        assert (refused.who, 0 < refused.retry_ms <= 100) == ("customer", True)
        assert isinstance(await hold(engine, "piotr"), Held), "another customer is not concerned"

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 2, "the rate allows one more")


async def test_those_of_one_batch_are_counted_too(engine_settings: Settings) -> None:
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


async def test_an_address_is_limited_whoever_its_customers_are(engine_settings: Settings) -> None:
    async with sale(engine_settings, address_per_minute=1, address_burst=2) as engine:
        results = [await hold(engine, f"customer-{number}", "192.0.2.1") for number in range(3)]
        assert [type(result) for result in results] == [Held, Held, RateLimited]
        assert isinstance(await hold(engine, "customer-4", "192.0.2.2"), Held)
        assert isinstance(await hold(engine, "customer-5"), Held), "where it comes from is not known: not limited"


async def test_a_customer_may_have_so_many_live_holds(engine_settings: Settings) -> None:
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


async def test_a_live_hold_that_ran_out_is_none(engine_settings: Settings) -> None:
    async with sale(engine_settings, hold_ms=50, live_holds=1) as engine:
        assert isinstance(await hold(engine), Held)

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 2, "the hold runs out")


async def test_after_several_expiries_comes_a_cool_down(engine_settings: Settings) -> None:
    async with sale(engine_settings, hold_ms=1, cool_down_expiries=2, cool_down_seconds=1) as engine:

        async def cools_down() -> bool:
            result = await hold(engine)
            return isinstance(result, RateLimited) and result.who == "expiries"

        await wait_until(cools_down, 2, "two holds have run out")
        refused = await hold(engine)
        assert isinstance(refused, RateLimited)
        assert 0 < refused.retry_ms <= 1000
        assert isinstance(await hold(engine, "piotr"), Held)

        async def may_again() -> bool:
            return isinstance(await hold(engine), Held)

        await wait_until(may_again, 3, "the cool-down ends")


async def test_what_is_remembered_goes_by_itself(engine_settings: Settings) -> None:
    async with sale(engine_settings, customer_per_minute=600, live_holds=10) as engine:
        await hold(engine)
        (key,) = [key async for key in engine.redis.scan_iter("{p00}:pace:*", count=100)]
        assert 0 < await engine.redis.pttl(key) <= 2 * 3_600_000
