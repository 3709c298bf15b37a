"""The waiting rooms of a partition: whether Postgres has each draw and each place in line, as a restore needs them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.facts import QueueFact
from engine.words import QueueFactWord
from sync.audit.snapshot import PartitionSnapshot
from sync.outbox.rooms import room_columns
from sync.postgres import Connection
from sync.sql import statement

_Places = Mapping[tuple[int, str], int]


class Draw(NamedTuple):
    """The secret of a room, and of a drawn one the cohort and its digest, as both sides must have them."""

    secret: str
    cohort: int
    digest: str


async def compare_rooms(
    connection: Connection, of: PartitionSnapshot, facts: Sequence[QueueFact], partitions: int
) -> list[str]:
    """The differences from Postgres, one sentence each. `facts`: those that it does not have yet."""
    arguments = (partitions, of.partition)
    draws = {row[0]: Draw(*row[1:]) for row in await connection.fetch(statement("audit_queue_rooms"), *arguments)}
    for event_id, secret, _opened_ms, cohort, digest, drawn_ms in zip(*room_columns(facts), strict=True):
        known = draws.get(event_id, Draw("", 0, ""))
        draws[event_id] = Draw(secret or known.secret, *((cohort, digest) if drawn_ms else known[1:]))
    places = {(row[0], row[1]): row[2] for row in await connection.fetch(statement("audit_queue_places"), *arguments)}
    for fact in facts:
        if fact.word is QueueFactWord.JOINED:
            places[fact.event_id, fact.customer_id] = fact.index
        elif fact.word is QueueFactWord.LEFT:
            places.pop((fact.event_id, fact.customer_id), None)
    rooms = {event_id: Draw(room.secret, room.cohort, room.digest) for event_id, room in of.rooms.items()}
    return [
        *_differing_draws(rooms, {event_id: draw for event_id, draw in draws.items() if event_id in of.terms}),
        *_differing_places(
            {key: place.number for key, place in of.places_in_line.items()},
            {key: index for key, index in places.items() if key[0] in of.terms},
        ),
    ]


def room_breaches(of: PartitionSnapshot) -> Iterator[str]:
    """Broken invariants of the rooms themselves, one sentence each."""
    customers: dict[tuple[int, int], str] = {}
    inside: defaultdict[int, set[str]] = defaultdict(set)
    idle: Counter[int] = Counter()
    for (event_id, customer_id), place in of.places_in_line.items():
        room = of.rooms.get(event_id)
        other = customers.setdefault((event_id, place.number), customer_id)
        if other != customer_id:
            yield f"11: {other} and {customer_id} both have index {place.number} in the room of event {event_id}"
        if room is None or place.number >= room.joined:
            yield f"11: the waiting room of event {event_id} never gave {customer_id} index {place.number}"
        if place.began_ms:
            inside[event_id].add(customer_id)
            idle[event_id] += place.used == 0
    for event_id, room in of.rooms.items():
        for customer_id in sorted(room.inside ^ inside[event_id]):
            yield f"11: {customer_id} has a pass of event {event_id} and is not inside its room, or the reverse"
        if room.idle != idle[event_id]:
            yield f"11: {idle[event_id]} passes of event {event_id} have taken no place, its room counts {room.idle}"


def _differing_draws(redis: Mapping[int, Draw], postgres: Mapping[int, Draw]) -> Iterator[str]:
    for event_id in sorted({*redis, *postgres}):
        here, there = redis.get(event_id), postgres.get(event_id)
        if here is None or there is None:
            yield f"the waiting room of event {event_id} is not in {'Redis' if here is None else 'Postgres'}"
        elif here != there:
            names = ", ".join(name for name in Draw._fields if getattr(here, name) != getattr(there, name))
            yield f"the waiting room of event {event_id} has another {names} in Redis than in Postgres"


def _differing_places(redis: _Places, postgres: _Places) -> Iterator[str]:
    for event_id, customer_id in sorted({*redis, *postgres}):
        here, there = redis.get((event_id, customer_id)), postgres.get((event_id, customer_id))
        if here != there:
            room = f"the waiting room of event {event_id}"
            yield f"{customer_id} has index {here} in {room} in Redis, {there} in Postgres"
