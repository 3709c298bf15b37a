"""Exchanges of reservations that Redis no longer keeps: the command brings the record as Postgres has it."""

import msgspec

from engine.commands.exchanges import Exchange
from engine.commands.items import ANY_TOTAL, items_text
from engine.engine import Engine
from engine.records import Record
from engine.results.exchanges import Exchanged
from tests.support.engine.coded_event import REGULAR, VIP, CodedEvent


async def forgotten(event: CodedEvent, rid: str) -> Record:
    """The record as JSON, which Redis no longer has."""
    record = await event.record(rid)
    await event.engine.redis.execute_command(
        "DEL", event.engine.keys[event.event_id % len(event.engine.keys)].hold(rid)
    )
    return msgspec.json.decode(msgspec.json.encode(record), type=Record)


async def test_it_is_exchanged_as_it_is_in_postgres(engine: Engine) -> None:
    event = CodedEvent(engine)
    await event.publish()
    rid = await event.hold(2, code="")
    await event.pay(rid)
    archived = await forgotten(event, rid)
    same = Exchange(rid, "same", items_text([(VIP, 2)]), ANY_TOTAL, False, False, "d", archived)
    unchanged = await engine.submit(same)
    assert isinstance(unchanged, Exchanged)
    assert (unchanged.replayed, len(unchanged.record.attempts)) == (True, 1)
    other = Exchange(rid, "other", items_text([(REGULAR, 2)]), ANY_TOTAL, False, False, "d", archived)
    moved = await engine.submit(other)
    assert isinstance(moved, Exchanged)
    assert (moved.replayed, moved.record.lines[0].ticket_id) == (False, REGULAR)
    assert ((await event.stock()).sold, (await event.stock(REGULAR)).sold) == (0, 2)
    assert await event.record(rid) == moved.record
