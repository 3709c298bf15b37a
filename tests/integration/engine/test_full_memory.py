"""A server without memory: nothing is taken, and all the rest goes on, which alone makes room.

The server refuses everything at its limit, but for functions that are flagged; these refuse by themselves what takes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis
from redis.exceptions import OutOfMemoryError
from structlog.testing import capture_logs

from engine.callbacks import claim_message
from engine.carts import Carts, CartWord
from engine.catalogue import tell_position
from engine.commands.bookings import Book, CountSlots, FindBooking, Move, Unbook
from engine.commands.command import Command
from engine.commands.events import Count, PutEvent
from engine.commands.holds import Add, Cancel, Hold, Remove, RemovePlaces, Shorten
from engine.commands.items import BestSeats, NamedSeats, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, SettleRefund
from engine.commands.reservations import Find
from engine.commands.seats import ReadSeatMap
from engine.engine import Engine
from engine.errors import OutOfMemory, Overloaded, Unready
from engine.idempotency import IdempotencyStore, KeyName, StoredResponse
from engine.ids import keyed_name, new_booking_id, new_reservation_id
from engine.key_events import key_of_event
from engine.limits import LimitsInForce
from engine.results.bookings import Booked, BookingFound, Moved, SlotsCounted, Unbooked
from engine.results.events import Counts
from engine.results.holds import Cancelled, Held, Swept
from engine.results.limits import RateLimited
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.refunds import NotPaid, RefundDue
from engine.results.reservations import Expired, Found, KeyReused
from engine.results.result import Result
from engine.results.seats import SeatMap
from engine.settings import Settings
from engine.stock import PoolCapacity, SectionMap
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from sync.metrics import SyncMetrics
from sync.upkeep.memory_watch import run_memory_watch
from tests.integration.engine.test_key_events import in_cluster
from tests.support.engine.bulk_holds import holds
from tests.support.engine.full_memory import Fullness, fill_up, set_limit
from tests.support.engine.timed_slots import at, schedule_of
from tests.support.waiting import wait_until

EVENT, GENERAL, SEATED = 1, 7, 8
SECTION = "s1"
IN_2100_MS = 4_102_444_800_000
SLOT, OTHER_SLOT = at(IN_2100_MS), at(IN_2100_MS + 1)
CART = "5d7f0d6e-3c1f-4b57-9d38-1d5a4f3b2c10"

HALF = 50
"""Percent: whatever a loaded test machine does, the limit itself is far away."""


@pytest.fixture
async def engine(engine_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(replace(engine_settings, partitions=1)) as engine:
        tickets = [
            TicketTerms(GENERAL, [str(GENERAL)], 100),
            TicketTerms(SEATED, [SECTION], 100, assigned=True),
        ]
        terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 100, tickets, schedule=schedule_of(100))
        sections = [SectionMap(SECTION, "a" * 20)]
        await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(GENERAL), 100_000)], sections))
        try:
            yield engine
        finally:
            await set_limit(engine.redis, 0)


def hold_of(*items: Any, customer: str = "anna") -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer, "{}", "digest", items_text(items))


def add_to(hold: Hold, item: Any) -> Add:
    return Add(hold.reservation_id, EVENT, hold.customer_id, "{}", item)


def book(booking_id: str = "") -> Book:
    return Book(EVENT, booking_id or new_booking_id(), *SLOT, "{}", "digest", "")


async def refusals(engine: Engine, commands: Sequence[Command[Any]]) -> list[Any]:
    return list(await asyncio.gather(*map(engine.submit, commands), return_exceptions=True))


async def is_held(engine: Engine) -> bool:
    try:
        return isinstance(await engine.submit(hold_of((GENERAL, 1))), Held)
    except OutOfMemory:
        return False


async def is_refused(engine: Engine) -> bool:
    return not await is_held(engine)


@pytest.mark.parametrize("fullness", Fullness)
async def test_takings_are_refused_and_releases_go_on(engine: Engine, fullness: Fullness) -> None:
    held = [hold_of((GENERAL, 2)) for _ in range(8)]
    seated = hold_of(NamedSeats(SEATED, 2, SECTION, [1, 2]))
    booked, moved = book(), book()
    move = Move(EVENT, moved.booking_id, *OTHER_SLOT)
    for command in (*held, seated, booked, moved, move):
        assert not isinstance(await engine.submit(command), RateLimited)
    payments = [BeginPayment(one.reservation_id, f"attempt-{number}", 200, "") for number, one in enumerate(held)]
    assert all(isinstance(one, Paying) for one in await refusals(engine, payments[:4]))
    position = await engine.redis.hget(engine.keys[0].meta, "seq")
    await fill_up(engine.redis, fullness)

    takers = [
        hold_of((GENERAL, 1)),
        hold_of(NamedSeats(SEATED, 1, SECTION, [5])),
        hold_of(BestSeats(SEATED, 2, together=True)),
        add_to(hold_of(), (GENERAL, 1)),
        add_to(held[7], (GENERAL, 3)),
        add_to(seated, NamedSeats(SEATED, 1, SECTION, [3])),
        book(),
        Move(EVENT, booked.booking_id, *OTHER_SLOT),
    ]
    assert [type(one) for one in await refusals(engine, takers)] == [OutOfMemory] * len(takers)

    repeats = [held[7], add_to(held[7], (GENERAL, 2)), seated, booked, move]
    answers = await refusals(engine, repeats)
    assert all(isinstance(one, Held | Booked | Moved) and one.replayed for one in answers), answers

    goes_on: list[tuple[Command[Any], type[Result]]] = [
        (ConfirmPayment(held[0].reservation_id, "attempt-0"), Paid),
        (ConfirmPayment(held[1].reservation_id, "attempt-1"), Paid),
        (FailPayment(held[2].reservation_id, "attempt-2", "card_declined"), PaymentFailed),
        (FailPayment(held[3].reservation_id, "attempt-3", "card_declined", give_back=True), PaymentFailed),
        (payments[4], Paying),
        (Cancel(held[5].reservation_id), Cancelled),
        (RemovePlaces(held[6].reservation_id, GENERAL), Cancelled),
        (add_to(held[7], (GENERAL, 1)), Held),
        (Remove(seated.reservation_id, SECTION, [1]), Held),
        (Shorten(held[7].reservation_id, 1), Expired),
        (Refund(held[0].reservation_id, restock=True), RefundDue),
        (SettleRefund(held[0].reservation_id, "attempt-0", f"refund-{held[0].reservation_id}"), NotPaid),
        (Unbook(EVENT, booked.booking_id, "request"), Unbooked),
        (Find(held[1].reservation_id), Found),
        (FindBooking(EVENT, moved.booking_id), BookingFound),
        (Count(EVENT), Counts),
        (CountSlots(EVENT, [SLOT[0]]), SlotsCounted),
        (ReadSeatMap(EVENT, SECTION), SeatMap),
    ]
    for command, expected in goes_on:
        assert isinstance(await engine.submit(command), expected), command
    assert isinstance(await engine.sweep(0), Swept)
    assert await engine.redis.hget(engine.keys[0].meta, "seq") != position, "all of it is in the outbox"
    if fullness is Fullness.HARD:
        with Redis.from_url(engine.settings.redis_url) as other, pytest.raises(OutOfMemoryError):
            other.set("answer:{x}", "1", px=1000)  # the control: the server itself refuses what is no function of ours

    await set_limit(engine.redis, 0)
    assert await is_held(engine), "sales go on"


async def test_the_library_looks_once_a_second(engine: Engine) -> None:
    """However memory comes and goes, it is known a second later; between two looks nothing is asked."""
    assert await is_held(engine)
    for limit in (1, 0):
        looks = await info_calls(engine)
        await engine.redis.execute_command("CONFIG", "SET", "maxmemory", limit)
        began = time.monotonic()
        wanted = is_refused if limit else is_held
        await wait_until(partial(wanted, engine), 5, "the library sees it")
        took = time.monotonic() - began
        assert await info_calls(engine) - looks - 1 <= 2 + took, "it is not asked at each call"


async def info_calls(engine: Engine) -> int:
    """The calls of INFO before this one."""
    stats = await engine.redis.info("commandstats")
    calls: int = stats["cmdstat_info"]["calls"]
    return calls


@pytest.mark.parametrize("fullness", Fullness)
async def test_a_process_starts_without_memory(engine: Engine, fullness: Fullness) -> None:
    await fill_up(engine.redis, fullness)
    async with Engine(engine.settings) as other:
        assert isinstance(await other.submit(Count(EVENT)), Counts)


async def test_small_values_that_settle_are_written(engine: Engine) -> None:
    answers, kept = IdempotencyStore(engine), StoredResponse("digest", 200, {}, b"{}")
    known, new, pay = (keyed_name("test", "customer/anna", key) for key in ("known", "new", "pay"))
    async with in_cluster(engine) as (key_events, nodes):
        nodes.goes_on.set()
        assert await key_events.first_event(known, EVENT) == EVENT
        await fill_up(engine.redis, Fullness.HARD)
        assert await key_events.first_event(known, EVENT + 1) == EVENT
        with pytest.raises(OutOfMemory):
            await key_events.first_event(new, EVENT)
    assert [key async for key in engine.redis.scan_iter(match=f"*{new}*", count=100)] == []
    for name in (KeyName(pay), KeyName(pay, caller="anna")):
        assert await answers.claim(name, "digest") is None
        await answers.keep(name, kept)
        assert await answers.claim(name, "digest") == kept
    assert await claim_message(engine, "message", "payment 1", 60)
    assert not await claim_message(engine, "message", "payment 2", 60)
    await tell_position(engine.redis, "reader", 17)


async def test_a_key_is_known_and_none_is_kept(engine: Engine) -> None:
    known, new = (replace(hold_of((GENERAL, 1)), key=key_of_event(name)) for name in ("known", "new"))
    assert isinstance(await engine.submit(known), Held)
    await fill_up(engine.redis, Fullness.HARD)
    again = await engine.submit(known)
    assert isinstance(again, Held)
    assert again.replayed
    with pytest.raises(OutOfMemory):
        await engine.submit(new)
    assert await engine.redis.get(new.key) is None
    other = replace(new, reservation_id=new_reservation_id(EVENT + 16), event_id=EVENT + 16, key=known.key)
    assert await engine.submit(other) == KeyReused()


async def test_no_event_joins_a_cart(engine: Engine) -> None:
    carts = Carts(engine)
    await carts.join(CART, EVENT, 60_000)
    await fill_up(engine.redis, Fullness.HARD)
    for cart_id, event_id in ((CART, EVENT + 1), (CART.replace("5d", "6d"), EVENT)):
        with pytest.raises(OutOfMemory):
            await carts.join(cart_id, event_id, 60_000)
    assert (await carts.join(CART, EVENT, 60_000))[0] is CartWord.OK, "it is there"
    assert (await carts.begin(CART))[0] is CartWord.OK
    assert (await carts.read(CART)).event_ids == [EVENT]
    assert len([key async for key in engine.redis.scan_iter(match="cart:*", count=100)]) == 1


@pytest.mark.parametrize(("details", "wishes"), [("x" * 5000, 1000), ("", 5000)], ids=["large", "tiny"])
async def test_the_limit_holds_however_fast_memory_fills(engine: Engine, details: str, wishes: int) -> None:
    """Half of the memory that is left goes in far less than the second after which the library looks again."""
    async with Engine(replace(engine.settings, memory_percent=HALF, batch_commands=32)) as other:
        used: int = (await engine.redis.info("memory"))["used_memory"]
        await set_limit(engine.redis, limit := 2 * (used + 1_000_000))
        assert await is_held(other)
        answers = await refusals(other, [replace(one, details=details, digest="") for one in holds(EVENT, wishes)])
    kinds = {type(one) for one in answers}
    # On a busy machine not all have a place in the queue.
    assert {Held, OutOfMemory} <= kinds <= {Held, OutOfMemory, Overloaded}, "some had room, and not all"
    reached: int = (await engine.redis.info("memory"))["used_memory"]
    # A table that doubles takes some of it at once.
    assert reached < limit // 2 + 500_000, "it stopped at the soft limit"


async def test_full_memory_limits_nobody_for_asking(engine: Engine) -> None:
    limited = replace(engine.settings, customer_per_minute=1, customer_burst=2, live_holds=5)
    async with Engine(limited, limits=LimitsInForce(limited)) as other:
        await fill_up(other.redis, Fullness.HARD)
        for _ in range(10):
            with pytest.raises(OutOfMemory):
                await other.submit(hold_of((GENERAL, 1), customer="eve"))
        assert [key async for key in other.redis.scan_iter(match="*pace*", count=100)] == [], "nothing was written"
        await set_limit(other.redis, 0)
        for _ in range(2):
            assert isinstance(await other.submit(hold_of((GENERAL, 1), customer="eve")), Held)


async def test_an_older_release_is_refused_as_the_server_did(engine: Engine) -> None:
    """It does not know the word."""
    async with Engine(replace(engine.settings, command_timeout_ms=200)) as other:
        await fill_up(engine.redis, Fullness.HARD)
        with pytest.raises(Unready, match="OOM"):
            await other.call("onsale_run", other.keys[0].fixed, (b"\x90", 1, 1000, 1000, b"", 0, b""))
        answer = await other.call("onsale_run", other.keys[0].fixed, (b"\x90", 1, 1000, 1000, b"", 0, b"", 90))
        assert answer


async def test_the_watch_tells_when_memory_is_full(engine: Engine) -> None:
    metrics = SyncMetrics()

    def shown(name: str) -> float:
        return metrics.registry.get_sample_value(f"onsale_redis_memory_{name}") or 0.0

    with capture_logs() as lines:
        watch = asyncio.create_task(run_memory_watch(engine.settings, engine.redis, metrics))
        try:
            await wait_until(lambda: shown("bytes") > 0, 5, "it has looked")
            assert (shown("limit_bytes"), shown("used_ratio")) == (0, 0)
            await fill_up(engine.redis, Fullness.SOFT)
            await wait_until(lambda: shown("limit_bytes") > 0, 5, "it has looked again")
            assert shown("bytes") < shown("limit_bytes")
            assert shown("used_ratio") >= 1
            await set_limit(engine.redis, 0)
            await wait_until(lambda: shown("limit_bytes") == 0, 5, "and again")
        finally:
            watch.cancel()
    assert [line["event"] for line in lines] == ["redis_memory_full", "redis_memory_free"]
