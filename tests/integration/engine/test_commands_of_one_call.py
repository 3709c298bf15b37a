"""Commands of one call: the outcome is the same as in separate calls."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands.bookings import Book, EraseBooking, PurgeSlots, Unbook
from engine.commands.codes import PutCodes
from engine.commands.command import Command
from engine.commands.events import Drop, PutEvent
from engine.commands.holds import Hold
from engine.commands.items import TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.refunds import RefundSome
from engine.commands.waiting_lists import EraseWaiting, TendWaiting, Wait
from engine.commands.waiting_rooms import ReadQueue
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.results.bookings import BookingErased, Purged, Unbooked
from engine.results.codes import CodesPut
from engine.results.events import Published
from engine.results.payments import Paid
from engine.results.refunds import RefundDue
from engine.results.waiting_lists import Waiting, WaitingErased, WaitingTended
from engine.stock import PoolCapacity, SectionMap
from engine.waiting_rooms import new_proposal
from engine.words import WaitingState
from tests.integration.engine.test_slots import EVENT as TIMED_EVENT
from tests.integration.engine.test_slots import FAR_MS, PRICE, SOON_MS, publish, until
from tests.integration.engine.test_slots import TICKET as TIMED_TICKET
from tests.support.engine.coded_event import CODE, REGULAR, SECTION, VIP, CodedEvent, allocation
from tests.support.engine.coded_event import EVENT as CODED_EVENT
from tests.support.engine.timed_slots import at
from tests.support.engine.waiting_list import EVENT as WAITING_EVENT
from tests.support.engine.waiting_list import TICKET, WaitingEvent
from tests.support.engine.waiting_room import EVENT as ROOM_EVENT
from tests.support.engine.waiting_room import Room
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("in_one_call", [True, False], ids=["one call", "separate calls"])

BOOKING, OTHER_BOOKING = ("00000000-0000-4000-8000-00000000000" + digit for digit in "12")
PHONE = "+43123"


@pytest.fixture
async def hasty(engine: Engine) -> AsyncIterator[Engine]:
    """An engine whose bookings expire as their slots begin. It has a timed event."""
    await publish(engine)
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        yield hasty


def submit(engine: Engine, command: Command[Any]) -> Coroutine[Any, Any, Any]:
    """The result of a command, to be awaited. Slots are purged where the timed event is."""
    if isinstance(command, PurgeSlots):
        return engine.purge_slots(engine.partition_keys(TIMED_EVENT).partition)
    return engine.submit(command)


async def submit_all(
    engine: Engine, commands: Sequence[Command[Any]], in_one_call: bool, *, again: int = 0
) -> list[Any]:
    """The results of commands on one partition, in one call or in as many as they are.

    `again`: the calls in which commands of one call are sent again.
    """
    before = (await engine.redis.info("commandstats"))["cmdstat_fcall"]["calls"]
    if in_one_call:
        results = await asyncio.gather(*(submit(engine, each) for each in commands))
    else:
        results = [await submit(engine, each) for each in commands]
    calls = (await engine.redis.info("commandstats"))["cmdstat_fcall"]["calls"] - before
    assert calls == (1 + again if in_one_call else len(commands))
    return results


async def test_a_booking_is_erased_and_purged(hasty: Engine, in_one_call: bool) -> None:
    keys = hasty.partition_keys(TIMED_EVENT)
    starts_ms = await server_time_ms(hasty.redis, keys) + SOON_MS
    await hasty.submit(Book(TIMED_EVENT, BOOKING, *at(starts_ms), "{}", "", phone=PHONE))
    await hasty.submit(Book(TIMED_EVENT, OTHER_BOOKING, *at(starts_ms + FAR_MS), "{}", "", phone=PHONE))
    await until(hasty, starts_ms + 1)

    erased, purged = await submit_all(hasty, [EraseBooking(TIMED_EVENT, BOOKING, "erased"), PurgeSlots()], in_one_call)
    assert isinstance(erased, BookingErased)
    assert isinstance(purged, Purged)
    assert (purged.bookings, purged.slots) == (1, 1)
    assert await hasty.redis.hgetall(keys.customers) == {f"{TIMED_EVENT}/tel {PHONE}".encode(): b"1"}
    assert isinstance(await hasty.submit(Unbook(TIMED_EVENT, OTHER_BOOKING, "unbooked")), Unbooked)


async def test_a_place_of_a_past_slot_is_refunded_and_the_slot_is_purged(hasty: Engine, in_one_call: bool) -> None:
    keys = hasty.partition_keys(TIMED_EVENT)
    starts_ms = await server_time_ms(hasty.redis, keys) + SOON_MS
    await hasty.submit(Book(TIMED_EVENT, BOOKING, *at(starts_ms + FAR_MS), "{}", ""))  # one slot stays
    rid, wish = new_reservation_id(TIMED_EVENT), items_text([TimedPlaces(TIMED_TICKET, 2, *at(starts_ms))])
    await hasty.submit(Hold(rid, TIMED_EVENT, "anna", "{}", "", wish))
    await hasty.submit(BeginPayment(rid, "pay", 2 * PRICE, ""))
    assert isinstance(await hasty.submit(ConfirmPayment(rid, "pay")), Paid)
    await until(hasty, starts_ms + 1)

    refund = RefundSome(rid, "refund", restock=True, items=[(TIMED_TICKET, 1)])
    refunded, purged = await submit_all(hasty, [refund, PurgeSlots()], in_one_call)
    assert isinstance(refunded, RefundDue)
    assert isinstance(purged, Purged)
    assert purged.slots == 1
    left = await hasty.redis.zrange(keys.purges, 0, -1, withscores=True)
    assert [member for member, _ in left] == [f"{TIMED_EVENT}/{BOOKING}".encode()]
    assert await hasty.redis.hgetall(keys.customers) == {}


async def declined_long_ago(engine: Engine, event: WaitingEvent, customer: str) -> str:
    """The id of an entry that ended longer ago than the engine remembers."""
    waiting_id = await event.wait(customer)
    await event.decline(waiting_id)
    declined_ms = (await event.entry(waiting_id)).changed_ms
    archive_ms = engine.settings.archive_seconds * 1000

    async def is_long_ago() -> bool:
        return await server_time_ms(engine.redis) > declined_ms + archive_ms

    await wait_until(is_long_ago)
    return waiting_id


@pytest.fixture
async def forgetful(engine: Engine) -> AsyncIterator[Engine]:
    """An engine that soon forgets what has ended."""
    async with Engine(replace(engine.settings, archive_seconds=1)) as forgetful:
        yield forgetful


async def test_a_customer_waits_again_with_an_id_that_is_forgotten(forgetful: Engine, in_one_call: bool) -> None:
    event = WaitingEvent(forgetful)
    await event.publish(1)
    early = await event.hold("early")
    again = await declined_long_ago(forgetful, event, "anna")

    tend, wait = TendWaiting(WAITING_EVENT), Wait(WAITING_EVENT, again, "anna", "{}", "{}", "", TICKET, 1)
    _, waiting, tended = await submit_all(forgetful, [tend, wait, tend], in_one_call)
    assert isinstance(waiting, Waiting)
    assert not waiting.replayed
    assert isinstance(tended, WaitingTended)
    assert tended.waiting == 1
    await event.cancel(early)
    assert (await event.entry(again)).state is WaitingState.OFFERED


async def test_an_entry_is_erased_and_forgotten(forgetful: Engine, in_one_call: bool) -> None:
    event = WaitingEvent(forgetful)
    await event.publish(1)
    await event.hold("early")
    old = await declined_long_ago(forgetful, event, "anna")

    commands = [EraseWaiting(old, "{}", "erased"), TendWaiting(WAITING_EVENT)]
    erased, tended = await submit_all(forgetful, commands, in_one_call)
    assert isinstance(erased, WaitingErased)
    assert isinstance(tended, WaitingTended)


@pytest.fixture
async def coded(engine: Engine) -> CodedEvent:
    event = CodedEvent(engine)
    await event.publish()
    return event


async def test_an_event_with_a_code_is_dropped_and_put_again(coded: CodedEvent, in_one_call: bool) -> None:
    await coded.put(allocation(5))
    pools = [PoolCapacity(str(VIP), 100), PoolCapacity(str(REGULAR), 100)]
    sections = [SectionMap(SECTION, "aaaa\naaaa")]
    put = PutEvent(CODED_EVENT, replace(coded.terms, version=9), pools, sections)

    dropped, published = await submit_all(coded.engine, [Drop(CODED_EVENT, 0), put], in_one_call, again=1)
    assert isinstance(dropped, Published)
    assert isinstance(published, Published)
    assert (await coded.stock()).kept == (await coded.counts()).free == 0


async def test_places_are_set_aside_and_their_event_is_dropped(coded: CodedEvent, in_one_call: bool) -> None:
    commands = [PutCodes(CODED_EVENT, allocation(5), [CODE]), Drop(CODED_EVENT, 0)]
    put, dropped = await submit_all(coded.engine, commands, in_one_call)
    assert isinstance(put, CodesPut)
    assert isinstance(dropped, Published)


async def test_a_waiting_room_is_read_before_and_after_its_terms_change(engine: Engine, in_one_call: bool) -> None:
    room = Room(engine)
    await room.publish(max_inside=10)
    assert room.terms.room
    terms = replace(room.terms, version=9, room=replace(room.terms.room, max_inside=20))
    read, put = ReadQueue(ROOM_EVENT, *new_proposal()), PutEvent(ROOM_EVENT, terms, [PoolCapacity(str(TICKET), 100)])

    before, _, after = await submit_all(engine, [read, put, read], in_one_call)
    assert (before.max_inside, after.max_inside) == (10, 20)
