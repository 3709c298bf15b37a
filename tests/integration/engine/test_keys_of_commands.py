"""Idempotency keys that commands bring on a single server: a key is for one event, and is decided with its command."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace
from redis.exceptions import ResponseError

from engine.commands.bookings import Book
from engine.commands.events import Count, PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_booking_id, new_reservation_id
from engine.key_events import key_of_event
from engine.limits import LimitsInForce
from engine.results.bookings import Booked
from engine.results.events import Counts
from engine.results.holds import Held, SoldOut
from engine.results.limits import RateLimited
from engine.results.reservations import KeyReused
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from tests.integration.engine.test_slots import EVENT as MUSEUM
from tests.integration.engine.test_slots import SLOT, publish
from tests.support.engine.timed_slots import at

pytestmark = pytest.mark.single_server("in a cluster the key may be on another node, and is asked for before")

EVENT, BESIDE, ELSEWHERE = 16, 32, 33
"""Two events of one partition, and one of another."""

KEY = key_of_event("name")


async def offer(engine: Engine, capacity: int = 10) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(7, ["7"], 100)])
    for event_id in (EVENT, BESIDE, ELSEWHERE):
        await engine.submit(PutEvent(event_id, terms, [PoolCapacity("7", capacity)]))


def hold_of(event_id: int, key: str = KEY) -> Hold:
    rid = new_reservation_id(event_id)
    return Hold(rid, event_id, rid, "{}", "digest", items_text([(7, 1)]), key=key)


async def held(engine: Engine, event_id: int) -> int:
    counts = await engine.submit(Count(event_id))
    assert isinstance(counts, Counts)
    return counts.tickets[0].held


async def calls(engine: Engine) -> int:
    stats = await engine.redis.info("commandstats")
    return int(stats["cmdstat_fcall"]["calls"])


@pytest.mark.parametrize("other", [BESIDE, ELSEWHERE])
async def test_a_key_is_for_the_event_of_which_something_was_taken(engine: Engine, other: int) -> None:
    await offer(engine)
    first = hold_of(EVENT)
    assert isinstance(await engine.submit(first), Held)
    assert await engine.submit(hold_of(other)) == KeyReused()
    assert await held(engine, other) == 0
    again = await engine.submit(first)
    assert isinstance(again, Held)
    assert again.replayed
    assert isinstance(await engine.submit(hold_of(other, key_of_event("another"))), Held)


async def test_of_one_batch_the_first_counts(engine: Engine) -> None:
    await offer(engine)
    before = await calls(engine)
    first, second, third = await asyncio.gather(*(engine.submit(hold_of(event)) for event in (BESIDE, EVENT, BESIDE)))
    assert await calls(engine) == before + 1
    assert isinstance(first, Held)
    assert second == KeyReused()
    assert isinstance(third, Held), "it is of the same event"


async def test_many_keys_cost_no_call_of_their_own(engine: Engine) -> None:
    await offer(engine, 1000)
    before = await calls(engine)
    holds = [hold_of(EVENT, key_of_event(str(number)) if number % 2 else "") for number in range(500)]
    results = await asyncio.gather(*map(engine.submit, holds))
    assert {type(result) for result in results} == {Held}
    assert await calls(engine) - before < 20
    names = [key_of_event(str(number)) for number in range(1, 500, 2)]
    assert set((await engine.redis.calls([("MGET", *names)]))[0]) == {b"%d" % EVENT}
    assert len([key async for key in engine.redis.scan_iter(match="answer:*", count=1000)]) == len(names)


async def test_a_refusal_does_not_bind_its_key(engine: Engine) -> None:
    await offer(engine, 1)
    assert isinstance(await engine.submit(hold_of(EVENT, "")), Held)
    assert isinstance(await engine.submit(hold_of(EVENT)), SoldOut)
    assert await engine.redis.get(KEY) is None
    assert isinstance(await engine.submit(hold_of(BESIDE)), Held)
    assert await engine.submit(hold_of(EVENT)) == KeyReused(), "not sold_out: the key is looked at first"


async def test_an_event_is_kept_for_as_long_as_answers_are(engine: Engine) -> None:
    """Each use of the key begins that time again."""
    await offer(engine)
    hold, most_ms = hold_of(EVENT), engine.settings.answer_seconds * 1000
    for _ in range(2):
        assert isinstance(await engine.submit(hold), Held)
        assert most_ms - 5000 < await engine.redis.pttl(KEY) <= most_ms
        await engine.redis.pexpire(KEY, 20_000)
    assert await engine.submit(hold_of(BESIDE)) == KeyReused()
    assert await engine.redis.pttl(KEY) <= 20_000, "a misuse does not renew it"


async def test_a_misused_key_does_not_count_as_a_request(engine_settings: Settings) -> None:
    limited = replace(engine_settings, customer_per_minute=1, customer_burst=2)
    async with Engine(limited, limits=LimitsInForce(limited)) as engine:
        await offer(engine)
        assert isinstance(await engine.submit(replace(hold_of(ELSEWHERE), customer_id="anna")), Held)
        for _ in range(5):
            assert await engine.submit(replace(hold_of(EVENT), customer_id="anna")) == KeyReused()
        results = [await engine.submit(replace(hold_of(EVENT, ""), customer_id="anna")) for _ in range(3)]
        assert [type(result) for result in results] == [Held, Held, RateLimited]


async def test_a_booking_has_its_key_too(engine: Engine) -> None:
    await offer(engine)
    await publish(engine)

    def booking(key: str) -> Book:
        return Book(MUSEUM, new_booking_id(), *at(SLOT), "{}", "", key=key)

    assert isinstance(await engine.submit(hold_of(EVENT)), Held)
    assert await engine.submit(booking(KEY)) == KeyReused()
    own = key_of_event("own")
    assert isinstance(await engine.submit(booking(own)), Booked)
    assert await engine.redis.get(own) == b"%d" % MUSEUM
    assert await engine.submit(hold_of(EVENT, own)) == KeyReused()


async def test_all_keys_of_a_call_are_checked_against_what_it_says(engine: Engine) -> None:
    await offer(engine)
    keys = engine.partition_keys(EVENT)
    hold = hold_of(EVENT)
    names = (keys.hold(hold.reservation_id), key_of_event("another"))
    with pytest.raises(ResponseError, match="KEYS do not name"):
        await engine.redis.calls(
            [("FCALL", "onsale_run", 13, *keys.fixed, *names, msgspec.msgpack.encode([hold]), 8, 1000, 1000)]
        )
