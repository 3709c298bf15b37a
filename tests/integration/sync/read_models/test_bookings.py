"""Bookings in Postgres: as in the facts of Redis, exactly once, marked when they expire and deleted later."""

import time
from datetime import time as local_time

import msgspec
import pytest

from engine.engine import Engine
from engine.facts import decode_booking_fact, decode_booking_facts
from engine.settings import Settings
from engine.slots import parse_slot
from sync.audit.audit import audit
from sync.outbox.writer import batches, open_offset, write_batch
from sync.postgres import Postgres
from sync.read_models.bookings import get_booking, list_bookings
from sync.upkeep.slot_retention import expire_bookings, purge_slots
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.locks import locking
from tests.support.sync.timed_event_sales import SlotOffice
from tests.support.waiting import wait_until


@pytest.fixture
async def slots(office: BoxOffice) -> SlotOffice:
    slots = SlotOffice(office)
    await slots.open()
    return slots


async def _read_to_the_end(slots: SlotOffice) -> None:
    async with running(slots.office.reader().run()):
        await wait_until(slots.office.outbox_is_empty)


async def _write_all(slots: SlotOffice) -> None:
    """The work of a reader up to the commit, and no further."""
    partition = slots.office.keys.partition
    async with slots.office.postgres.transaction() as connection:
        before = await open_offset(connection, partition)
        entries = [entry for entry in await slots.office.entries() if entry.position > before]
        (batch,) = batches(entries, 10_000)
        await write_batch(connection, partition, before, batch)


async def _ids(slots: SlotOffice) -> set[str]:
    page = await list_bookings(slots.office.postgres, slots.event_id, now_ms=0, limit=1000)
    return {booking.booking_id for booking in page.bookings}


async def test_bookings_are_rebuilt_exactly(slots: SlotOffice) -> None:
    kept, moved, renamed, gone = [await slots.book() for _ in range(4)]
    await slots.move(moved, days=3, details='{"first_name":  "Anna"}')
    await slots.move(renamed, details="{}")
    await slots.unbook(gone)
    rid = await slots.buy(2)

    await _read_to_the_end(slots)

    assert await _ids(slots) == {kept, moved, renamed}
    for booking_id in (kept, moved, renamed):
        assert await get_booking(slots.office.postgres, slots.event_id, booking_id) == await slots.find(booking_id)
    assert await get_booking(slots.office.postgres, slots.event_id, gone) is None
    assert await slots.office.statuses() == {rid: "paid"}


async def test_a_later_batch_changes_existing_rows(slots: SlotOffice) -> None:
    """A worker that died between commit and trim reads what it has written already, and passes over it."""
    moved, gone = await slots.book(), await slots.book()
    await _write_all(slots)
    assert await _ids(slots) == {moved, gone}
    await slots.move(moved, days=2)
    await slots.unbook(gone)
    again = await slots.book()
    await _write_all(slots)
    assert await _ids(slots) == {moved, again}
    await _read_to_the_end(slots)
    assert await _ids(slots) == {moved, again}
    stored = await get_booking(slots.office.postgres, slots.event_id, moved)
    assert stored == await slots.find(moved)


async def test_a_fact_that_cannot_be_written_is_kept_whole_and_alone(slots: SlotOffice) -> None:
    good = await slots.book()
    await slots.book(details="no json")
    also_good = await slots.book()
    facts = [fact for entry in await slots.office.entries() for fact in decode_booking_facts(entry.bookings)]
    await _read_to_the_end(slots)

    assert await _ids(slots) == {good, also_good}
    packed: bytes = await slots.office.sql("SELECT fact FROM dead_letters")
    assert decode_booking_fact(packed) == facts[1]


async def test_lists_and_their_bounds(slots: SlotOffice) -> None:
    ids = {days: {await slots.book(days) for _ in range(3)} for days in (1, 2, 3)}
    await _read_to_the_end(slots)
    postgres = slots.office.postgres
    first, second = (parse_slot(slots.slot(days))[0] for days in (1, 2))
    page = await list_bookings(postgres, slots.event_id, day=second, now_ms=0, limit=3)
    assert ({booking.booking_id for booking in page.bookings}, page.next) == (ids[2], None)
    before = await list_bookings(postgres, slots.event_id, day=first, now_ms=0, limit=2)
    assert before.next == (slots.slot(1), before.bookings[-1].booking_id)
    rest = await list_bookings(postgres, slots.event_id, day=first, now_ms=0, limit=2, after=before.next)
    assert {booking.booking_id for booking in (*before.bookings, *rest.bookings)} == ids[1]
    at_nine = await list_bookings(postgres, slots.event_id, at=local_time(9), now_ms=0, limit=2)
    assert at_nine.bookings == []
    expires_ms = rest.bookings[0].expires_ms
    for now_ms, expired, count in ((expires_ms, True, 3), (expires_ms - 1, True, 0), (expires_ms, False, 6)):
        page = await list_bookings(postgres, slots.event_id, expired=expired, now_ms=now_ms, limit=100)
        assert len(page.bookings) == count


async def test_past_slots_leave_redis_and_later_postgres(settings: Settings, pool: Postgres) -> None:
    hasty = msgspec.structs.replace(settings, booking_expires_ms=1, booking_retention_seconds=1)
    async with Engine(hasty) as engine:
        office = BoxOffice(hasty, engine, pool)
        slots = SlotOffice(office)
        await slots.open()
        soon_ms = time.time_ns() // 1_000_000 + 3000
        past, rid = await slots.book(-1, start_ms=soon_ms), await slots.buy(3, -1, start_ms=soon_ms)
        later = await slots.book(2)
        await _read_to_the_end(slots)
        partition = office.keys.partition
        await expire_bookings(hasty, pool, partition)
        assert await purge_slots(engine, partition) == 0
        assert await audit(hasty) == []

        async def marked() -> bool:
            await expire_bookings(hasty, pool, partition)
            status = await office.sql("SELECT status FROM bookings WHERE id = $1", past)
            return bool(status == "expired")

        await wait_until(marked, timeout=10)
        assert await audit(hasty) == [], "past, and not forgotten yet"
        assert await purge_slots(engine, partition) == 1
        assert (await slots.find(past), (await slots.find(later)) is not None) == (None, True)
        assert await engine.redis.hlen(office.keys.pools) == 1
        assert await audit(hasty) == [], "past and forgotten"
        assert await _ids(slots) == {past, later}

        async def deleted() -> bool:
            await expire_bookings(hasty, pool, partition)
            return await _ids(slots) == {later}

        await wait_until(deleted, timeout=10)
        assert (await office.statuses()) == {rid: "paid"}


_PAST = """
    INSERT INTO bookings
    SELECT 1, gen_random_uuid(), now() - interval '2 hours', now() - interval '2 hours', 'booked', '{}', '',
      now(), now(), now() - interval '1 hour', customer_id, ''
    FROM unnest($1::text[]) AS told (customer_id)
"""


async def test_bookings_that_somebody_writes_expire_another_time(settings: Settings, pool: Postgres) -> None:
    """The outbox writer has them, or the erasure of names. In another order, so each could wait for the other."""
    hasty = msgspec.structs.replace(settings, booking_retention_seconds=1)
    partition = 1 % settings.partitions
    lock = "SELECT FROM bookings WHERE customer_id = 'written' FOR UPDATE"
    async with pool.connection() as connection:
        await connection.execute(_PAST, ["free", "written"])
        async with locking(settings, lock):
            await expire_bookings(hasty, pool, partition)
        assert [tuple(row) for row in await connection.fetch("SELECT customer_id, status FROM bookings")] == [
            ("written", "booked")
        ]
        await connection.execute("UPDATE bookings SET status = 'expired'")
        async with locking(settings, lock):
            await expire_bookings(hasty, pool, partition)
        assert await connection.fetchval("SELECT count(*) FROM bookings") == 1
        await expire_bookings(hasty, pool, partition)
        assert await connection.fetchval("SELECT count(*) FROM bookings") == 0


async def test_the_audit_names_the_differences(slots: SlotOffice, settings: Settings) -> None:
    booking_id, _ = await slots.book(), await slots.buy(2)
    await _read_to_the_end(slots)
    assert await audit(settings) == []
    sql = slots.office.sql
    for damage, repair, told in (
        ("UPDATE bookings SET digest = 'x'", "UPDATE bookings SET digest = 'digest'", "is another in Redis"),
        (
            "UPDATE bookings SET slot = slot - interval '1 hour'",
            "UPDATE bookings SET slot = slot + interval '1 hour'",
            "3 places sold and 0 kept, Postgres 2 paid or booked and 0 kept",
        ),
        ("DELETE FROM bookings", "", f"booking {booking_id} of event {slots.event_id} is not in Postgres"),
    ):
        await sql(damage)
        breaches = await audit(settings)
        assert any(told in breach for breach in breaches), (damage, breaches)
        await sql(repair or "SELECT 1")
    await sql(
        "INSERT INTO bookings SELECT event_id, gen_random_uuid(), '2027-09-12 08:00', now(), 'booked', '{}', '', "
        "now(), now(), now() + interval '1 day', '', '' FROM schedules"
    )
    assert any("is not in Redis" in breach for breach in await audit(settings))


async def test_the_audit_is_exact_while_slots_are_booked(slots: SlotOffice, settings: Settings) -> None:
    booked = 0

    async def book() -> None:
        nonlocal booked
        while True:
            booking_id = await slots.book(1 + booked % 50)
            if booked % 3 == 1:
                await slots.move(booking_id, days=60 + booked % 500)
            else:
                await slots.unbook(booking_id)
            if booked % 11 == 0:
                await slots.buy(1, 700 + booked)
            booked += 1

    async with running(book(), slots.office.reader().run()):
        for _ in range(3):
            before = booked
            assert await audit(settings) == []
            assert booked > before
