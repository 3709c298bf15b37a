"""Many holds in little time: whole batches straight into the library, past the queue and the typed results."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from engine.commands.command import OnReservation
from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id, request_digest
from engine.redis_keys import PartitionKeys
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus

TICKET_ID = 7
HOLD_MS = 900_000

_BATCH = 256
_SLICE = 128
_ARCHIVE_MS = 86_400_000
_BRING_FORWARD = Path(__file__).with_name("bring_forward.lua").read_text(encoding="utf-8")


def event_of(event_id: int, capacity: int) -> PutEvent:
    """An event with one ticket, one place for each customer."""
    terms = Terms(EventStatus.ON_SALE, 0, 0, HOLD_MS, 10, [TicketTerms(TICKET_ID, [str(TICKET_ID)], 30_000)])
    return PutEvent(event_id, terms, [PoolCapacity(str(TICKET_ID), capacity)])


def holds(event_id: int, count: int, *, first: int = 0) -> Iterator[Hold]:
    """Holds as the API makes them, each by another customer."""
    details = '{"first_name":"Islom","last_name":"Karimov"}'
    for number in range(first, first + count):
        customer_id = str(1_000_000 + number)
        digest = request_digest(customer_id, details)
        yield Hold(new_reservation_id(event_id), event_id, customer_id, details, digest, items_text([(TICKET_ID, 1)]))


async def run_batch(engine: Engine, keys: PartitionKeys, commands: Sequence[OnReservation[Any]]) -> None:
    """One call with commands whose answers the caller knows."""
    names = [keys.hold(command.reservation_id) for command in commands]
    packed = msgspec.msgpack.encode(commands)
    await engine.call("onsale_run", (*keys.fixed, *names), (packed, _SLICE, _ARCHIVE_MS))


async def fill(engine: Engine, event_id: int, count: int) -> AsyncIterator[list[str]]:
    """Takes places of a published event, batch by batch; yields the reservations taken."""
    keys = engine.keys[event_id % len(engine.keys)]
    commands = holds(event_id, count)
    while batch := list(islice(commands, _BATCH)):
        await run_batch(engine, keys, batch)
        yield [command.reservation_id for command in batch]


async def bring_forward(engine: Engine, keys: PartitionKeys, reservation_ids: list[str], deadline_ms: int) -> None:
    """Moves the deadlines of holds to one instant, as if they had been taken at one."""
    names = [keys.hold(reservation_id) for reservation_id in reservation_ids]
    count = 2 + len(names)
    await engine.redis.execute_command(
        "EVAL", _BRING_FORWARD, count, keys.ledger, keys.deadlines, *names, deadline_ms, *reservation_ids
    )
