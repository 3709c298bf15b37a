"""An empty Redis is rebuilt from Postgres, key by key as it was."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis
from redis.exceptions import ResponseError

from engine.commands.exchanges import Exchange
from engine.commands.holds import Cancel, Hold
from engine.commands.items import ANY_TOTAL, NamedSeats, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, SettleRefund
from engine.engine import Engine
from engine.errors import EngineBug, Misconfigured
from engine.ids import new_reservation_id
from engine.library import install_library
from engine.outbox import BEGINNING, last_position
from engine.restore import begin_restore
from engine.results.holds import Held
from engine.results.payments import Paid
from engine.seats import section_pool
from engine.settings import Settings
from engine.words import EventStatus, FailureReason
from sync.audit.audit import audit
from sync.catalogue.event_rows import lock_event
from sync.catalogue.fields import NewEvent, NewTicket
from sync.catalogue.stored import StoredCatalogue
from sync.catalogue.venues import NewRow, NewSection, NewVenue, Venues
from sync.postgres import Postgres, own_connection
from sync.restore.restore import restore
from tests.support.effort import effort
from tests.support.engine.bulk_holds import run_batch
from tests.support.sync.box_office import DETAILS, PRICE_MINOR, BoxOffice
from tests.support.sync.locks import is_waited_for
from tests.support.sync.lost_redis import empty, written
from tests.support.sync.redis_dump import differing, keys_of_redis
from tests.support.sync.timed_event_sales import SlotOffice
from tests.support.waiting import wait_until

MANY = effort(10_000, 100_000)
FEW = 600
EVENTS = 8
BATCH = 250
MOST_SECONDS = 30


class Sale:
    """Reservations of one event, taken in bulk and brought to all kinds of states."""

    def __init__(
        self, office: BoxOffice, items: Sequence[tuple[int, int] | NamedSeats], spare: Sequence[NamedSeats] = ()
    ) -> None:
        self._spare = list(spare)
        self._engine = office.engine
        self._event_id = office.event.event_id
        self._keys = office.keys
        self._items = items

    async def run(self) -> list[str]:
        """Takes each item; a third stays held, the others are paying, paid, failed, cancelled, refunded or to be."""
        rids = [new_reservation_id(self._event_id) for _ in self._items]
        for first in range(0, len(rids), BATCH):
            await self._batch(rids[first : first + BATCH], self._items[first : first + BATCH])
        return rids

    async def _batch(self, rids: list[str], items: Sequence[tuple[int, int] | NamedSeats]) -> None:
        event_id = self._event_id
        await self._do(
            [
                Hold(rid, event_id, rid[-7:], DETAILS, "digest", items_text([item]))
                for rid, item in zip(rids, items, strict=True)
            ]
        )
        begun = rids[len(rids) // 3 :]
        await self._do([BeginPayment(rid, f"pay-{rid}", PRICE_MINOR, "by card") for rid in begun])
        await self._do([ConfirmPayment(rid, f"pay-{rid}") for rid in begun[20:]])
        await self._do([FailPayment(rid, f"pay-{rid}", FailureReason.CARD_DECLINED) for rid in begun[:5]])
        await self._do([Refund(rid, restock=number % 2 == 0) for number, rid in enumerate(begun[20:40])])
        await self._do([SettleRefund(rid, f"pay-{rid}", rid) for rid in begun[25:40]])
        await self._do([Cancel(rid) for rid in rids[:10]])
        of = dict(zip(rids, items, strict=True))
        moving = begun[45:65]
        await self._do(
            [
                Exchange(rid, f"more-{rid}", items_text(self._more_than(of[rid])), ANY_TOTAL, True, True, "digest")
                for rid in moving
            ]
        )
        await self._do([ConfirmPayment(rid, f"more-{rid}") for rid in moving[:5]])
        await self._do([FailPayment(rid, f"more-{rid}", FailureReason.CARD_DECLINED) for rid in moving[5:10]])

    def _more_than(self, item: tuple[int, int] | NamedSeats) -> list[tuple[int, int] | NamedSeats]:
        """A place more of the same ticket: a spare one if it is a seat."""
        return [item, self._spare.pop()] if isinstance(item, NamedSeats) else [(item[0], item[1] + 1)]

    async def _do(self, commands: list[Any]) -> None:
        if commands:
            await run_batch(self._engine, self._keys, commands)


STANDING = 40
"""Of those who buy places of the hall."""


async def sell_a_hall(office: BoxOffice) -> None:
    """An event whose seats are held, sold and blocked, and whose standing room two tickets share."""
    venue = await Venues(office.postgres, office.engine).create(
        NewVenue(
            "Hall",
            [
                NewSection("Stalls", [NewRow(str(row), 40) for row in range(20)]),
                NewSection("Balcony", [NewRow("A", 5)]),
                NewSection("Floor", [], 50),
            ],
        )
    )
    stalls, balcony, floor = venue.sections
    office.event = await office.catalogue.create_event(
        NewEvent(
            name="Opera",
            starts_at=datetime(2035, 6, 1, 18, tzinfo=UTC),
            venue_id=venue.venue_id,
            status=EventStatus.ON_SALE,
            tickets=[
                NewTicket("Adult", PRICE_MINOR, section_ids=[stalls.section_id]),
                NewTicket("Child", PRICE_MINOR, section_ids=[stalls.section_id, balcony.section_id]),
                NewTicket("Standing", PRICE_MINOR, section_ids=[floor.section_id]),
                NewTicket("Standing child", PRICE_MINOR, section_ids=[floor.section_id]),
            ],
        )
    )
    adult, pool = office.event.tickets[0].ticket_id, section_pool(stalls.section_id)
    seats = [NamedSeats(adult, 1, pool, [place]) for place in range(1, 20 * 41) if place % 41]
    standing = [(ticket.ticket_id, 1) for ticket in office.event.tickets[2:]]
    await Sale(office, [*seats[: 700 - STANDING], *standing * (STANDING // 2)], seats[700:780]).run()
    last = stalls.rows[-1]
    await office.catalogue.block_seats(
        office.event.event_id, [last.first_seat_id + 38, last.first_seat_id + 39], blocked=True
    )
    rid, lent = new_reservation_id(office.event.event_id), NamedSeats(adult, 1, pool, [19 * 41 + 39])
    wish = items_text([lent])
    held = Hold(rid, office.event.event_id, "c1", DETAILS, "digest", wish, from_blocked=True)
    assert isinstance(await office.engine.submit(held), Held), "one of them is sold all the same"


async def sell_and_restore(office: BoxOffice, settings: Settings, many: int) -> float:
    """Sells places and seats, and restores Redis from Postgres. Returns how many seconds that took."""
    for _ in range(EVENTS):
        await office.open(capacity=many)
        await Sale(office, [(office.ticket_id, 1)] * (many // EVENTS)).run()
    await sell_a_hall(office)
    await written(office)
    before = keys_of_redis(settings.redis_url)
    assert sum(key.count(b":hold:") for key in before) > many // 2

    with pytest.raises(Misconfigured, match="not empty"):
        await restore(settings)
    empty(settings)
    began = time.monotonic()
    restored = await restore(settings)
    took = time.monotonic() - began

    assert differing(before, keys_of_redis(settings.redis_url)) == []
    assert (restored.events, restored.live + restored.ended) == (EVENTS + 2, many + 701)
    return took


async def test_each_key_is_as_it_was(office: BoxOffice, settings: Settings) -> None:
    await sell_and_restore(office, settings, FEW)


@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_a_hundred_thousand_reservations(office: BoxOffice, settings: Settings) -> None:
    assert await sell_and_restore(office, settings, MANY) < MOST_SECONDS
    empty(settings)  # the check after each test, key by key, would take longer than the test


async def test_slots_and_their_bookings(office: BoxOffice, settings: Settings) -> None:
    slots = SlotOffice(office)
    await slots.open()
    for days in (1, 1, 2):
        await slots.book(days, customer_id="c1", phone="9334556789")
    await slots.move(await slots.book(), days=3)
    await slots.unbook(await slots.book(days=2))
    await slots.buy(2)
    await slots.buy(1, days=4)
    rid = new_reservation_id(slots.event_id)
    held = Hold(
        rid, slots.event_id, "c2", DETAILS, "digest", items_text([TimedPlaces(office.ticket_id, 3, *slots.at(5))])
    )
    assert isinstance(await office.engine.submit(held), Held)
    await written(office)
    before = {key: value for key, value in keys_of_redis(settings.redis_url).items() if b":unbooked:" not in key}
    empty(settings)
    await restore(settings)
    assert differing(before, keys_of_redis(settings.redis_url)) == []
    assert await audit(settings) == []
    await slots.buy(1)
    await written(office)
    assert await audit(settings) == []


async def test_the_comparison_can_fail(office: BoxOffice, settings: Settings) -> None:
    """The negative control: what Postgres does not have is missed."""
    await office.hold()
    await written(office)
    lost = await office.hold()
    before = keys_of_redis(settings.redis_url)
    empty(settings)
    await restore(settings)
    found = differing(before, keys_of_redis(settings.redis_url))
    assert len([line for line in found if lost in line]) == 4, "hold key, ledger, deadline, outbox"


async def test_sales_go_on_where_they_were(office: BoxOffice, settings: Settings) -> None:
    """Holds live as long as before, payments are settled, repeats are known, and sync misses nothing."""
    held, paying, paid = await office.hold(2), await office.hold(), await office.hold()
    attempt = await office.begin(paying)
    await office.pay(paid)
    await written(office)
    deadlines = [(await office.record(rid)).deadline_ms for rid in (held, paying, paid)]
    known = await last_position(office.engine.redis, office.keys)
    empty(settings)
    assert (await restore(settings)).live == 2

    assert [(await office.record(rid)).deadline_ms for rid in (held, paying, paid)] == deadlines
    repeat = Hold(held, office.event.event_id, "c1", DETAILS, "digest", items_text([(office.ticket_id, 2)]))
    again = await office.engine.submit(repeat)
    assert isinstance(again, Held)
    assert again.replayed
    assert isinstance(await office.engine.submit(ConfirmPayment(paying, attempt)), Paid)
    new = await office.hold()
    first = (await office.entries())[0]
    assert first.follows(known)
    assert first.position.epoch > known.epoch, "no number is used again"
    await written(office)
    assert await office.statuses() == {held: "held", paying: "paid", paid: "paid", new: "held"}
    assert await audit(settings) == []


async def test_holds_that_expired_meanwhile_are_given_back(office: BoxOffice, settings: Settings) -> None:
    await office.open(capacity=1, hold_seconds=1)
    rid = await office.hold()
    deadline_ms = (await office.record(rid)).deadline_ms
    await written(office)
    empty(settings)
    await wait_until(lambda: time.time() * 1000 > deadline_ms, what="its time passes while there is no Redis")
    await restore(settings)
    assert (await office.record(rid)).state == "expired"
    assert await office.hold()


async def test_nobody_uses_a_partition_before_it_is_whole(office: BoxOffice, settings: Settings) -> None:
    empty(settings)
    await install_library(office.engine.redis)
    await begin_restore(office.engine.redis, office.keys, BEGINNING)
    with pytest.raises(ResponseError, match="restore"):
        async with Engine(settings):
            pass
    with pytest.raises(EngineBug, match="not initialised"):
        await office.hold()
    with pytest.raises(Misconfigured, match="not empty"):
        await restore(settings)
    empty(settings)


async def test_an_event_that_changes_meanwhile_is_restored_as_it_became(office: BoxOffice, settings: Settings) -> None:
    """The change commits while the restore waits for it: with a shard lost, the sync worker publishes events again."""
    await written(office)
    empty(settings)
    async with own_connection(settings, "test") as connection:
        async with connection.transaction():
            await connection.execute("UPDATE events SET name = 'Changed' WHERE id = $1", office.event.event_id)
            restoring = asyncio.ensure_future(restore(settings))
            await wait_until(lambda: is_waited_for(connection), what="the restore waits for the change")
        await restoring
    described = await office.engine.redis.hget("{catalogue}:events", str(office.event.event_id))
    assert b"Changed" in (described or b"")
    assert await audit(settings) == []


async def test_stored_events_are_read_while_one_of_them_is_locked(office: BoxOffice, settings: Settings) -> None:
    """A process that starts reads them, also during a restore."""
    async with own_connection(settings, "test") as connection, connection.transaction(), Postgres(settings) as postgres:
        await lock_event(connection, office.event.event_id)
        assert [event.event_id for event in await StoredCatalogue(postgres).events()] == [office.event.event_id]


async def test_a_partition_that_is_there_is_not_taken(office: BoxOffice) -> None:
    """Also not by a restore that found Redis empty a moment before."""
    await office.hold()
    with pytest.raises(ResponseError, match="only an empty server is restored"):
        await begin_restore(office.engine.redis, office.keys, BEGINNING)


async def test_another_number_of_partitions_is_refused(office: BoxOffice, settings: Settings) -> None:
    while office.event.event_id % settings.partitions < 2:
        await office.open()
    await office.hold()
    await written(office)
    empty(settings)
    with pytest.raises(Misconfigured, match="ONSALE_PARTITIONS is 2"):
        await restore(replace(settings, partitions=2))
    with Redis.from_url(settings.redis_url) as redis:
        assert redis.dbsize() == 0
