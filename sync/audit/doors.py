"""The doors of a partition: whether e-tickets are those of the places that were paid for, here and in Postgres."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.etickets import serial_of
from engine.facts import EticketFact
from engine.records import Eticket
from engine.words import EticketState
from sync.audit.snapshot import PartitionSnapshot
from sync.postgres import Connection
from sync.sql import statement


class Known(NamedTuple):
    """An e-ticket as both sides must have it."""

    reservation_id: str
    ticket_id: int
    pool: str
    seat: int
    issue: int
    status: str


def door_breaches(of: PartitionSnapshot) -> Iterator[str]:
    """Broken invariants of the e-tickets themselves, one sentence each."""
    numbers: dict[int, set[int]] = {}
    for (event_id, number), eticket in of.etickets.items():
        numbers.setdefault(event_id, set()).add(number)
        passed = eticket.passes[-1].direction.value if eticket.passes else EticketState.VALID.value
        if eticket.state is not EticketState.VOID and eticket.state.value != passed:
            yield f"13: e-ticket {serial_of(event_id, number)} is {eticket.state}, its last pass says {passed}"
    for event_id, known in numbers.items():
        if len(known) != max(known) + 1:
            yield f"13: event {event_id} has {len(known)} e-tickets, and numbers up to {max(known)}"


async def compare_doors(
    connection: Connection, of: PartitionSnapshot, facts: Sequence[EticketFact], changed: Sequence[str], partitions: int
) -> list[str]:
    """The differences from Postgres, one sentence each.

    `facts`: those that it does not have yet; `changed`: reservations that others of these are about.
    """
    arguments = (partitions, of.partition)
    rows = await connection.fetch(statement("audit_etickets"), *arguments)
    stored = {(row["event_id"], row["number"]): Known(*list(row.values())[2:]) for row in rows}
    stored |= {(fact.event_id, fact.number): _known(fact.eticket) for fact in facts}
    found = list(_differing({key: _known(eticket) for key, eticket in of.etickets.items()}, stored))
    pending = sorted({*changed, *(fact.eticket.reservation_id for fact in facts)})
    for rid, etickets, places in await connection.fetch(statement("audit_eticket_places"), *arguments, pending):
        found.append(f"13: {rid} has {places} paid places, and {etickets} e-tickets that are not void")
    return found


def _differing(redis: Mapping[tuple[int, int], Known], postgres: Mapping[tuple[int, int], Known]) -> Iterator[str]:
    for event_id, number in sorted({*redis, *postgres}):
        here, there = redis.get((event_id, number)), postgres.get((event_id, number))
        if here is None or there is None:
            yield f"e-ticket {serial_of(event_id, number)} is not in {'Redis' if here is None else 'Postgres'}"
        elif here != there:
            yield f"e-ticket {serial_of(event_id, number)} is {here} in Redis, {there} in Postgres"


def _known(eticket: Eticket) -> Known:
    return Known(
        eticket.reservation_id, eticket.ticket_id, eticket.pool, eticket.seat, eticket.issue, eticket.state.value
    )
