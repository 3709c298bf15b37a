"""Entries that cannot be written are never skipped silently: a gap stops, a bad fact is kept, a lost Redis is loud."""

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.engine import Engine
from engine.facts import Fact, decode_fact
from engine.outbox import Entry, last_position
from engine.redis_keys import OUTBOX_FIELD
from engine.words import FactWord
from sync.outbox.writer import OffsetMoved
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


def _stopped(office: BoxOffice) -> bool:
    return bool(office.metrics.stopped.labels(f"{office.keys.partition:02}")._value.get())


async def _put_back(engine: Engine, outbox: str, entries: list[Entry]) -> None:
    """The outbox with these entries, as if nothing had happened to it."""
    await engine.redis.execute_command("DEL", outbox)
    for entry in entries:
        await engine.redis.execute_command("XADD", outbox, str(entry.position), OUTBOX_FIELD, entry.payload)


async def test_a_gap_stops_the_partition_until_it_is_mended(office: BoxOffice) -> None:
    rids = [await office.hold() for _ in range(5)]
    entries = await office.entries()
    await _put_back(office.engine, office.keys.outbox, [*entries[:2], *entries[3:]])

    async with running(office.reader().run()):
        with capture_logs() as logs:
            await wait_until(lambda: _stopped(office))
        assert (await office.statuses()).keys() == set(rids[:2])
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["outbox_broken"]

        await _put_back(office.engine, office.keys.outbox, entries)
        await wait_until(office.outbox_is_empty)
        await wait_until(lambda: not _stopped(office))
    assert (await office.statuses()).keys() == set(rids)


async def test_what_another_reader_has_written_is_no_gap(office: BoxOffice) -> None:
    """It lost the connection by which it led, and goes on. Nothing is wrong with the outbox."""
    slow, other = office.reader(), office.reader()
    await office.hold()
    async with running(other.run()):
        await wait_until(office.outbox_is_empty)
        known = await slow._committed()
        await office.hold()
        await wait_until(office.outbox_is_empty)
    rid = await office.hold()
    with pytest.raises(OffsetMoved):
        await slow._follow(known)
    async with running(slow.run()):
        await wait_until(office.outbox_is_empty)
    assert rid in await office.statuses()


async def test_a_redis_that_was_set_back_stops_the_partition(office: BoxOffice) -> None:
    await office.hold()
    await office.hold()
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
        await office.engine.redis.execute_command("HSET", office.keys.meta, "seq", "1")
        await wait_until(lambda: _stopped(office))
        await office.engine.redis.execute_command("HSET", office.keys.meta, "seq", "2")
        await wait_until(lambda: not _stopped(office))


async def test_an_emptied_redis_stops_the_partition(office: BoxOffice) -> None:
    before = await office.hold()
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
        await office.engine.redis.execute_command("FLUSHALL")
        await office.engine.init_partitions()
        await office.publisher.publish_missing()
        with capture_logs() as logs:
            await office.hold()
            await wait_until(lambda: _stopped(office))
    assert (await office.statuses()).keys() == {before}
    (error, *_) = [line["error"] for line in logs if line["event"] == "outbox_broken"]
    assert "Postgres has what Redis lost" in error


async def test_bad_facts_are_kept_whole_and_the_others_written(office: BoxOffice) -> None:
    rid = await office.hold()
    (entry,) = await office.entries()
    (good,) = msgspec.msgpack.decode(entry.payload, type=list[Fact])
    # Postgres' text has no NUL; a quantity of 0 breaks a constraint; a word nobody knows cannot be decoded.
    no_text = _like(good, 1, customer_id="c\0")
    no_places = _like(good, 2, lines=[msgspec.structs.replace(good.record.lines[0], quantity=0)])
    unknown = msgspec.msgpack.encode(["vanished", *msgspec.to_builtins(good)[1:]])
    fine = [_like(good, number) for number in range(3, 50)]
    packed = [*map(msgspec.msgpack.encode, [no_text, *fine[:20], no_places, *fine[20:]]), unknown]
    await _tell(office, b"\xdc" + len(packed).to_bytes(2, "big") + b"".join(packed))
    await _tell(office, b"\xc1 is no msgpack")

    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)

    assert (await office.statuses()).keys() == {rid, *(fact.reservation_id for fact in fine)}
    async with office.postgres.connection() as connection:
        dead = [
            bytes(row["fact"]) for row in await connection.fetch("SELECT fact FROM dead_letters ORDER BY sequence, id")
        ]
    assert set(dead[:-1]) == {unknown, msgspec.msgpack.encode(no_text), msgspec.msgpack.encode(no_places)}
    assert dead[-1] == b"\xc1 is no msgpack"
    assert decode_fact(msgspec.msgpack.encode(no_text)) == no_text
    assert office.metrics.dead_letters._value.get() == 4


def _like(fact: Fact, number: int, **changes: object) -> Fact:
    rid = f"{fact.record.event_id}-{number:016}"
    return Fact(FactWord.HELD, rid, fact.at_ms, msgspec.structs.replace(fact.record, **changes))


async def _tell(office: BoxOffice, payload: bytes) -> None:
    """Appends an entry as the library would."""
    redis, keys = office.engine.redis, office.keys
    epoch, sequence = await last_position(redis, keys)
    await redis.execute_command("HSET", keys.meta, "seq", str(sequence + 1))
    await redis.execute_command("XADD", keys.outbox, f"{epoch}-{sequence + 1}", OUTBOX_FIELD, payload)


@pytest.mark.parametrize("facts_limit", [1, 3])
async def test_small_transactions_write_the_same(office: BoxOffice, facts_limit: int) -> None:
    rids = [await office.hold() for _ in range(7)]
    reader = office.reader()
    reader._facts_limit = facts_limit
    async with running(reader.run()):
        await wait_until(office.outbox_is_empty)
    assert (await office.statuses()).keys() == set(rids)
