"""Everything of a partition at one instant, read from Redis in one MULTI/EXEC, for the audit."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis as RedisClient

from engine.client import Redis
from engine.codes import StoredTotals, parse_code
from engine.outbox import Entry, Position, last_of
from engine.records import Booking, Eticket, Record, WaitingEntry
from engine.redis_keys import PartitionKeys
from engine.terms import Terms
from engine.waiting_lists import places_set_aside

_RECORD = msgspec.msgpack.Decoder(Record)
_BOOKING = msgspec.msgpack.Decoder(Booking)
_WAITING = msgspec.msgpack.Decoder(WaitingEntry)
_ENTRY = "e "
_ETICKET = msgspec.msgpack.Decoder(Eticket)
_TERMS = msgspec.msgpack.Decoder(Terms)


class PoolCounters(NamedTuple):
    """A pool's counters, as their text says. `start_ms`: of a slot; 0 of others."""

    capacity: int
    available: int
    held: int
    paying: int
    sold: int
    kept: int
    start_ms: int = 0


class Room(NamedTuple):
    """A waiting room that is open. Before the draw `cohort` is 0 and `digest` empty.

    `inside`: customers whose passes are not known to have ended. `idle`: how many of them have taken no place.
    """

    secret: str
    joined: int
    cohort: int
    digest: str
    idle: int
    inside: frozenset[str]


class PlaceInLine(NamedTuple):
    """A customer's place in a waiting room: its index, and the pass. `began_ms` 0: there is none, or it has ended."""

    number: int
    began_ms: int
    until_ms: int
    used: int


class HoldKey(NamedTuple):
    """A hold key: what it has (None: it is gone) and when it expires, in ms since 1970; -1 if never, -2 if gone."""

    value: bytes | None
    expires_ms: int


class PartitionSnapshot(NamedTuple):
    """A partition. Pools by (event_id, pool), customers by (event_id, customer_id), the rest by reservation id."""

    partition: int
    now_ms: int
    meta: Mapping[str, str]
    terms: Mapping[int, Terms]
    pools: Mapping[tuple[int, str], PoolCounters]
    ledger: Mapping[str, Record]
    deadlines: Mapping[str, int]
    unsettled: Mapping[str, int]
    customers: Mapping[tuple[int, str], int]
    maps: Mapping[tuple[int, str], str | None]
    """By event and pool, of all sections that are offered, seats that are lent as if they were not; None: no map."""
    bookings: Mapping[tuple[int, str], Booking]
    """By event and id."""
    slots: Mapping[tuple[int, str], int]
    """When slots are deleted, in ms, by event and pool."""
    purges: Mapping[str, int]
    """When bookings, and purchases of slots, are deleted (lua/26_slots.lua)."""
    outbox: Sequence[Entry]
    codes: Mapping[tuple[int, str], StoredTotals]
    """By event and code."""
    holds: Mapping[str, HoldKey]
    """Hold keys of those in the ledger that were there a moment before, too."""
    waiting: Mapping[str, WaitingEntry]
    """Entries of waiting lists, by id."""
    lines: Mapping[tuple[int, int], Mapping[str, int]]
    """The numbers of the entries that wait, by id, by event and ticket."""
    aside: Mapping[tuple[int, str], int]
    """Places that are set aside, by event and pool."""
    etickets: Mapping[tuple[int, int], Eticket]
    """By event and number."""
    rooms: Mapping[int, Room]
    """By event."""
    places_in_line: Mapping[tuple[int, str], PlaceInLine]
    """By event and customer."""

    @property
    def last(self) -> Position:
        """The position of the last entry ever written."""
        before = self.meta.get("before")
        epoch, sequence = self.meta["epoch"].encode(), self.meta["seq"].encode()
        return last_of(epoch, sequence, None if before is None else before.encode())


async def read_snapshot(redis: Redis, keys: PartitionKeys) -> PartitionSnapshot | None:
    """The partition at this instant; None if it was never initialised. Raises ValueError for what cannot be decoded.

    Sections that are first offered at this very moment may be missing in its maps. So may the e-tickets of an event
    that is that new.

    Redis answers nobody else meanwhile: about 1 s for each million holds.
    """
    client = cast("RedisClient", redis)
    rids = [rid.decode() async for rid, _ in redis.hscan_iter(keys.ledger, count=1000)]
    terms = await redis.hgetall(keys.events)
    sections, lines = _sections(terms), _lines(terms)
    lists = sorted({event_id for event_id, _ in lines})
    event_ids = sorted(map(int, terms))
    room_ids = [event_id for event_id in event_ids if _TERMS.decode(terms[b"%d" % event_id]).room is not None]
    async with client.pipeline(transaction=True) as transaction:
        transaction.time()
        for name in (keys.meta, keys.events, keys.pools, keys.ledger, keys.customers):
            transaction.hgetall(name)
        transaction.zrange(keys.deadlines, 0, -1, withscores=True)
        transaction.zrange(keys.unsettled, 0, -1, withscores=True)
        transaction.hgetall(keys.bookings)
        transaction.zrange(keys.slots, 0, -1, withscores=True)
        transaction.zrange(keys.purges, 0, -1, withscores=True)
        transaction.xrange(keys.outbox)
        for event_id in event_ids:
            transaction.hgetall(f"{keys.doors(event_id)}:etickets")
        for event_id, pool in sections:
            transaction.get(keys.seat_map(event_id, pool))
        for event_id in lists:
            transaction.hgetall(keys.waiting(event_id))
        for event_id, ticket_id in lines:
            transaction.zrange(f"{keys.waiting(event_id)}:line:{ticket_id}", 0, -1, withscores=True)
        for event_id in event_ids:
            transaction.hgetall(keys.codes(event_id))
        for event_id in room_ids:
            transaction.hmget(keys.queue(event_id), ["secret", "joined", "drawn_ms", "cohort", "digest", "idle"])
            transaction.zrange(f"{keys.queue(event_id)}:inside", 0, -1)
            transaction.hgetall(f"{keys.queue(event_id)}:places")
        for rid in rids:
            transaction.get(keys.hold(rid))
            transaction.pexpiretime(keys.hold(rid))
        answers: list[Any] = await transaction.execute()
    time, meta, events, pools, ledger, customers, deadlines, unsettled, *more = answers
    bookings, slots, purges, outbox, *rest = more
    doors, rest = rest[: len(event_ids)], rest[len(event_ids) :]
    maps, rest = rest[: len(sections)], rest[len(sections) :]
    hashes, rest = rest[: len(lists)], rest[len(lists) :]
    in_line, rest = rest[: len(lines)], rest[len(lines) :]
    codes, rest = rest[: len(event_ids)], rest[len(event_ids) :]
    in_rooms, holds = rest[: 3 * len(room_ids)], rest[3 * len(room_ids) :]
    if not meta:
        return None
    return PartitionSnapshot(
        partition=keys.partition,
        now_ms=time[0] * 1000 + time[1] // 1000,
        meta={name.decode(): value.decode() for name, value in meta.items()},
        terms={int(event_id): _TERMS.decode(packed) for event_id, packed in events.items()},
        pools={_split(field): _counters(field, text) for field, text in pools.items()},
        ledger={rid.decode(): _RECORD.decode(packed) for rid, packed in ledger.items()},
        deadlines={rid.decode(): int(score) for rid, score in deadlines},
        unsettled={rid.decode(): int(score) for rid, score in unsettled},
        customers={_split(field): int(places) for field, places in customers.items()},
        maps={section: text and text.decode().lower() for section, text in zip(sections, maps, strict=True)},
        bookings={_split(field): _BOOKING.decode(packed) for field, packed in bookings.items()},
        slots={_split(field): int(score) for field, score in slots},
        purges={member.decode(): int(score) for member, score in purges},
        outbox=[Entry.parse(entry_id, fields) for entry_id, fields in outbox],
        etickets={
            (event_id, int(number)): _ETICKET.decode(packed)
            for event_id, etickets in zip(event_ids, doors, strict=True)
            for number, packed in etickets.items()
        },
        rooms={
            event_id: room
            for event_id, fields, inside in zip(room_ids, in_rooms[::3], in_rooms[1::3], strict=True)
            if (room := _room(fields, inside)) is not None
        },
        places_in_line={
            (event_id, customer.decode()): PlaceInLine(*map(int, place.split()))
            for event_id, places in zip(room_ids, in_rooms[2::3], strict=True)
            for customer, place in places.items()
        },
        codes={
            (event_id, code.decode()): parse_code(raw)
            for event_id, of_event in zip(event_ids, codes, strict=True)
            for code, raw in of_event.items()
        },
        holds={rid: HoldKey(holds[2 * i], holds[2 * i + 1]) for i, rid in enumerate(rids)},
        waiting={
            name.decode().removeprefix(_ENTRY): _WAITING.decode(packed)
            for fields in hashes
            for name, packed in fields.items()
            if name.decode().startswith(_ENTRY)
        },
        lines={
            line: {waiting_id.decode(): int(number) for waiting_id, number in entries}
            for line, entries in zip(lines, in_line, strict=True)
        },
        aside={
            (event_id, pool): places
            for event_id, fields in zip(lists, hashes, strict=True)
            for pool, places in places_set_aside(fields.get(b"aside", b"")).items()
        },
    )


def _lines(events: Mapping[bytes, bytes]) -> list[tuple[int, int]]:
    """The event and ticket of every line of a waiting list that there may be."""
    return sorted(
        (int(event_id), ticket.ticket_id)
        for event_id, packed in events.items()
        if (terms := _TERMS.decode(packed)).waiting is not None
        for ticket in terms.tickets
    )


def _sections(events: Mapping[bytes, bytes]) -> list[tuple[int, str]]:
    """The event and pool of every section that is offered."""
    return sorted(
        {
            (int(event_id), pool)
            for event_id, packed in events.items()
            for ticket in _TERMS.decode(packed).tickets
            if ticket.assigned
            for pool in ticket.pools
        }
    )


def _split(field: bytes) -> tuple[int, str]:
    """The event and the rest of `event/rest`."""
    event_id, _, rest = field.decode().partition("/")
    return int(event_id), rest


def _room(fields: Sequence[bytes | None], inside: Sequence[bytes]) -> Room | None:
    secret, joined, drawn_ms, cohort, digest, idle = (field or b"" for field in fields)
    if not secret:
        return None
    drawn = (int(cohort), digest.decode()) if int(drawn_ms or 0) else (0, "")
    here = frozenset(customer.decode() for customer in inside)
    return Room(secret.decode(), int(joined or 0), *drawn, int(idle or 0), here)


def _counters(field: bytes, text: bytes) -> PoolCounters:
    try:
        return PoolCounters(*map(int, text.split()))
    except TypeError as error:
        raise ValueError(f"pool {field.decode()} is {text!r}") from error
