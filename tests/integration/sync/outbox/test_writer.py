"""Every outcome is in Postgres exactly once, whatever dies between the steps."""

import msgspec
import pytest

from engine.facts import decode_facts
from engine.outbox import BEGINNING
from engine.words import FactWord, State
from sync.outbox.writer import OffsetMoved, _upsert, batches, open_offset, write_batch
from sync.read_models.reservations import get_reservation
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


class CrashError(Exception):
    """Stands for the death of the worker at this point."""


async def _write_all(office: BoxOffice, *, crash: bool = False) -> None:
    """The work of a reader up to the commit, and no further."""
    entries = await office.entries()
    async with office.postgres.transaction() as connection:
        before = await open_offset(connection, office.keys.partition)
        (batch,) = batches([entry for entry in entries if entry.position > before], 10_000)
        await write_batch(connection, office.keys.partition, before, batch)
        if crash:
            raise CrashError


async def _read_to_the_end(office: BoxOffice) -> None:
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)


async def test_every_kind_of_outcome_arrives_and_leaves_redis(office: BoxOffice) -> None:
    held, cancelled, paying, paid, refunded = [await office.hold(2, f"c{i}") for i in range(5)]
    await office.cancel(cancelled)
    await office.begin(paying)
    await office.pay(paid)
    await office.refund(refunded, await office.pay(refunded))

    await _read_to_the_end(office)

    wanted = {held: "held", cancelled: "cancelled", paying: "paying", paid: "paid", refunded: "refunded"}
    assert await office.statuses() == wanted
    assert await office.sql("SELECT count(*) FROM reservation_items") == 5
    assert await office.sql("SELECT count(*) FROM payments") == 3
    assert await office.sql("SELECT sum(quantity) FROM reservation_items") == 10


async def test_a_record_is_rebuilt_exactly(office: BoxOffice) -> None:
    rids = [await office.hold(3, f"c{i}") for i in range(4)]
    await office.fail(rids[0])
    await office.begin(rids[0])
    await office.refund(rids[1], await office.pay(rids[1]))
    await office.cancel(rids[2])

    await _read_to_the_end(office)

    for rid in rids:
        stored = await get_reservation(office.postgres, rid)
        assert stored is not None
        assert stored.record == await office.record(rid)
    assert await get_reservation(office.postgres, "1-aaaaaaaaaaaaaaaa") is None


async def test_the_same_entries_twice_change_nothing(office: BoxOffice) -> None:
    rid = await office.hold()
    first = await office.entries()
    await office.pay(rid)
    await _write_all(office)

    (stale,) = batches(first, 10_000)
    with pytest.raises(OffsetMoved):
        async with office.postgres.transaction() as connection:
            await write_batch(connection, office.keys.partition, BEGINNING, stale)
    assert await office.statuses() == {rid: "paid"}


async def test_negative_control_without_the_offset_the_past_comes_back(office: BoxOffice) -> None:
    rid = await office.hold()
    first = await office.entries()
    await office.pay(rid)
    await _write_all(office)

    async with office.postgres.transaction() as connection:
        await _upsert(connection, decode_facts(first[0].payload))
    assert (await office.record(rid)).state is State.PAID
    assert await office.statuses() == {rid: "held"}


async def test_death_before_the_commit_leaves_nothing_behind(office: BoxOffice) -> None:
    rids = {await office.hold() for _ in range(5)}
    with pytest.raises(CrashError):
        await _write_all(office, crash=True)
    assert await office.statuses() == {}

    await _read_to_the_end(office)
    assert (await office.statuses()).keys() == rids


async def test_death_between_commit_and_trim_is_tidied_up_by_the_next_reader(office: BoxOffice) -> None:
    rid = await office.hold()
    await office.fail(rid)
    await _write_all(office)
    assert not await office.outbox_is_empty()

    await _read_to_the_end(office)
    assert await office.statuses() == {rid: "held"}
    assert await office.sql("SELECT count(*) FROM payments") == 1
    assert office.metrics.batches._value.get() == 0, "nothing was written again"


async def test_two_readers_of_a_partition_write_everything_once(office: BoxOffice) -> None:
    async with running(office.reader().run(), office.reader().run()):
        rids = [await office.hold() for _ in range(40)]
        for rid in rids[:20]:
            await office.pay(rid)
        await wait_until(office.outbox_is_empty)
    statuses = await office.statuses()
    assert sorted(statuses.values()) == ["held"] * 20 + ["paid"] * 20
    assert office.metrics.facts._value.get() == 80 + 20, "no fact was written by both"


async def test_first_instants_and_old_attempts_outlive_the_record(office: BoxOffice) -> None:
    """In one batch, and over several: the last record does not know when it was paid, nor its first attempts."""
    at_once, later = await office.hold(), await office.hold()
    attempts = [await office.fail(at_once) for _ in range(10)]
    attempts.append(await office.pay(at_once))
    paid_at_ms = (await office.record(at_once)).ended_ms
    await office.refund(at_once, attempts[-1])
    await office.pay(later)
    await _read_to_the_end(office)
    later_paid_ms = (await office.record(later)).ended_ms
    await office.refund(later, (await office.record(later)).attempts[0].attempt_id)
    await _read_to_the_end(office)

    paid = "SELECT milliseconds(paid_at) FROM reservations WHERE id = $1"
    taken = "SELECT milliseconds(completed_at) FROM payments WHERE reservation_id = $1 AND status = 'refunded'"
    assert await office.sql(paid, at_once) == await office.sql(taken, at_once) == paid_at_ms
    assert await office.sql(paid, later) == await office.sql(taken, later) == later_paid_ms
    known = "SELECT array_agg(id ORDER BY number) FROM payments WHERE reservation_id = $1"
    assert await office.sql(known, at_once) == attempts
    stored = await get_reservation(office.postgres, at_once)
    assert stored is not None
    assert [attempt.attempt_id for attempt in stored.record.attempts] == attempts[-8:]


async def test_an_item_that_was_taken_out_is_gone(office: BoxOffice) -> None:
    """The last one too: the hold stays, with nothing in it."""
    rid = await office.hold()
    (fact,) = decode_facts((await office.entries())[0].payload)
    line = fact.record.lines[0]
    for word, lines in (
        (FactWord.HELD, [line, msgspec.structs.replace(line, quantity=4)]),
        (FactWord.CHANGED, [msgspec.structs.replace(line, quantity=3)]),
        (FactWord.CHANGED, []),
    ):
        record = msgspec.structs.replace(fact.record, lines=lines)
        async with office.postgres.transaction() as connection:
            await _upsert(connection, [msgspec.structs.replace(fact, word=word, record=record)])
        stored = await get_reservation(office.postgres, rid)
        assert stored is not None
        assert stored.record.lines == lines
