"""A partition of Redis against the tables of Postgres, as they will be after the facts that are still in the outbox."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.codes import CodeTotals, totals_of
from engine.facts import (
    BookingFact,
    Fact,
    WaitingFact,
    decode_booking_facts,
    decode_eticket_facts,
    decode_facts,
    decode_queue_facts,
    decode_waiting_facts,
)
from engine.outbox import Position
from engine.records import Booking, Record, WaitingEntry
from engine.seats import KEPT, SEAT_OF
from engine.slots import Visit, slot_of_pool, slot_pool, slot_start_ms
from engine.words import State, WaitingState
from sync.audit.doors import compare_doors
from sync.audit.invariants import counted_bookings, set_aside
from sync.audit.rooms import compare_rooms
from sync.audit.snapshot import PartitionSnapshot
from sync.outbox.reader import without_gap
from sync.outbox.rows import fold, fold_bookings, fold_waiting
from sync.postgres import Connection
from sync.read_models.bookings import read_live_bookings
from sync.read_models.reservations import PendingExchange, pending_exchanges, read_records
from sync.read_models.waiting_lists import read_live_waiting
from sync.sql import statement

_OWNED = frozenset({State.HELD, State.PAYING, State.PAID})
_LIVE = frozenset({State.HELD, State.PAYING})
_IN_LINE = frozenset({WaitingState.WAITING, WaitingState.OFFERED})
_KEPT = "kept"
_SEAT_OF = {state.value: seat for state, seat in SEAT_OF.items()} | {_KEPT: KEPT}


class Owned(NamedTuple):
    """A seat, by its place in the map of its section, and the reservation that has it."""

    event_id: int
    pool: str
    place: int
    status: str
    reservation_id: str


class Tables(NamedTuple):
    """The rows of a partition in Postgres, or those that it will have."""

    places: Mapping[tuple[int, str, str], int]
    """By event, pool and status; of places that are kept off sale `kept`."""
    customers: Mapping[tuple[int, str], int]
    """Places held, paid for, bought or booked, by event and customer, but for those of slots that Redis forgets."""
    seats: Sequence[Owned]
    live: frozenset[str]
    """Reservations that are held or paying."""
    bookings: Mapping[tuple[int, str], Booking]
    """The bookings that have not expired, by event and id."""
    records: Mapping[str, Record]
    """Of the reservations in the ledger of Redis."""
    timezones: Mapping[int, str]
    """Of timed events."""
    waiting: Mapping[str, WaitingEntry]
    """The entries of waiting lists that wait or are offered."""


async def compare(connection: Connection, of: PartitionSnapshot, committed: Position, partitions: int) -> list[str]:
    """The differences, one sentence each. The tables must stand still at `committed` while this runs."""
    pending = [entry for entry in of.outbox if entry.position > committed]
    whole = without_gap(committed, pending)
    last_known = whole[-1].position if whole else committed
    if of.last.sequence and last_known != of.last:
        return [f"7: Postgres is at {committed}, the outbox leads on to {last_known}, and Redis is at {of.last}"]
    try:
        facts = [fact for entry in pending for fact in decode_facts(entry.payload)]
        booking_facts = [fact for entry in pending if entry.bookings for fact in decode_booking_facts(entry.bookings)]
        waiting_facts = [fact for entry in pending if entry.waiting for fact in decode_waiting_facts(entry.waiting)]
        eticket_facts = [fact for entry in pending if entry.etickets for fact in decode_eticket_facts(entry.etickets)]
        queue_facts = [fact for entry in pending if entry.queues for fact in decode_queue_facts(entry.queues)]
    except ValueError as error:
        return [f"7: an entry after {committed} of partition {of.partition} cannot be decoded: {error}"]
    tables = await _tables(connection, of, facts, booking_facts, partitions)
    tables = tables._replace(waiting=await _waiting(connection, of, waiting_facts, partitions))
    dead: int = await connection.fetchval(statement("audit_dead_letters"), of.partition)
    found = [*_pools(of, tables), *_seats(of, tables), *_customers(of, tables), *_ledger(of, tables)]
    found += [*_bookings(of, tables), *_waiting_lists(of, tables)]
    changed = [fact.reservation_id for fact in facts]
    found += await compare_doors(connection, of, eticket_facts, changed, partitions)
    found += await compare_rooms(connection, of, queue_facts, partitions)
    found += await _codes(connection, of, facts)
    if dead:
        found.append(f"{dead} facts of partition {of.partition} are dead letters")
    return found


async def _tables(
    connection: Connection,
    of: PartitionSnapshot,
    facts: Sequence[Fact],
    booking_facts: Sequence[BookingFact],
    partitions: int,
) -> Tables:
    changed = fold(facts).records
    zones = await connection.fetch(statement("audit_timezones"), partitions, of.partition)
    timezones: dict[int, str] = {event_id: timezone for event_id, timezone in zones}
    arguments = (partitions, of.partition, list(changed))
    places = Counter(
        {
            (event_id, pool, status): count
            for event_id, pool, status, count in await connection.fetch(statement("audit_places"), *arguments)
        }
    )
    customers: Counter[tuple[int, str]] = Counter()
    for event_id, customer_id, pool, count in await connection.fetch(statement("audit_customers"), *arguments):
        if not _is_forgotten(of, timezones, event_id, pool):
            customers[event_id, customer_id] += count
    seats = [Owned(*row) for row in await connection.fetch(statement("audit_seats"), *arguments)]
    live = {rid for (rid,) in await connection.fetch(statement("audit_live"), *arguments)}
    pending = [one for one in await pending_exchanges(connection) if one.event_id % partitions == of.partition]
    pending = [one for one in pending if one.reservation_id not in changed] + [
        PendingExchange(rid, record.event_id, record.customer_id, exchange)
        for rid, record in changed.items()
        for attempt in record.attempts
        if (exchange := attempt.pending_exchange)
    ]
    for rid, event_id, customer_id, exchange in pending:
        customers[event_id, customer_id] += exchange.places_gained
        for line in exchange.pinned:
            places[event_id, line.pool, State.PAYING] += line.quantity
            seats += [Owned(event_id, line.pool, place, State.PAYING, rid) for place in line.seats]
    for rid, record in changed.items():
        for line in record.lines:
            places[record.event_id, line.pool, record.state] += line.quantity
        for line in record.kept:
            places[record.event_id, line.pool, _KEPT] += line.quantity
            seats += [Owned(record.event_id, line.pool, place, _KEPT, rid) for place in line.seats]
        if record.state in _OWNED:
            customers[record.event_id, record.customer_id] += sum(
                line.quantity for line in record.lines if not _is_forgotten(of, timezones, record.event_id, line.pool)
            )
            seats += [
                Owned(record.event_id, line.pool, place, record.state, rid)
                for line in record.lines
                for place in line.seats
            ]
        if record.state in _LIVE:
            live.add(rid)
    stored = await read_records(connection, [rid for rid in of.ledger if rid not in changed])
    bookings = await read_live_bookings(connection, partitions, of.partition, of.now_ms)
    kept, gone = fold_bookings(booking_facts)
    for booking in gone:
        bookings.pop((booking.event_id, booking.booking_id), None)
    bookings |= {(each.event_id, each.booking_id): each for each in kept if not each.is_expired_at(of.now_ms)}
    customers.update(counted_bookings(bookings.values()))
    return Tables(places, +customers, seats, frozenset(live), bookings, {**stored, **changed}, timezones, {})


async def _waiting(
    connection: Connection, of: PartitionSnapshot, facts: Sequence[WaitingFact], partitions: int
) -> dict[str, WaitingEntry]:
    """The entries that wait or are offered, in Postgres once it has these facts."""
    known = await read_live_waiting(connection, partitions, of.partition)
    entries = known | fold_waiting(facts).entries
    return {waiting_id: entry for waiting_id, entry in entries.items() if entry.state in _IN_LINE}


def _waiting_lists(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    """Check that both know the same entries. Of a list that was taken away Redis is not asked any more."""
    listed = {event_id for event_id, _ in of.lines}
    live = {waiting_id: entry for waiting_id, entry in of.waiting.items() if entry.state in _IN_LINE}
    stored = {waiting_id: entry for waiting_id, entry in tables.waiting.items() if entry.event_id in listed}
    for waiting_id in sorted({*live, *stored}):
        redis, postgres = live.get(waiting_id), stored.get(waiting_id)
        if redis is None or postgres is None:
            yield f"12: {waiting_id} waits, or is offered, and is not in {'Redis' if redis is None else 'Postgres'}"
        elif redis != postgres:
            yield f"12: {waiting_id} is {redis.state} in Redis, and {postgres.state} in Postgres, or differs otherwise"


def _is_forgotten(of: PartitionSnapshot, timezones: Mapping[int, str], event_id: int, pool: str) -> bool:
    """True for a past slot that Redis has forgotten or is about to forget."""
    slot = slot_of_pool(pool)
    if slot is None:
        return False
    known = of.pools.get((event_id, pool))
    start_ms = known.start_ms if known else slot_start_ms(slot, timezones[event_id])
    return start_ms <= of.now_ms and of.slots.get((event_id, pool), 0) <= of.now_ms


def _pools(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    aside = set_aside(of)
    booked = Counter((booking.event_id, slot_pool(booking.slot)) for booking in tables.bookings.values())
    for (event_id, name), pool in of.pools.items():
        if _is_forgotten(of, tables.timezones, event_id, name):
            continue
        held, paying, paid, kept = (
            tables.places.get((event_id, name, status), 0) for status in (State.HELD, State.PAYING, State.PAID, _KEPT)
        )
        if (held, paying) != (pool.held, pool.paying):
            yield (
                f"pool {name} of event {event_id} has {pool.held} places held and {pool.paying} paying, "
                f"Postgres {held} and {paying}"
            )
        taken, kept = paid + booked[event_id, name], kept + aside[event_id, name]
        if (taken, kept) != (pool.sold, pool.kept):
            yield (
                f"pool {name} of event {event_id} has {pool.sold} places sold and {pool.kept} kept, "
                f"Postgres {taken} paid or booked and {kept} kept"
            )
    for (event_id, name, status), places in tables.places.items():
        forgotten = status == State.PAID and _is_forgotten(of, tables.timezones, event_id, name)
        if status in _OWNED and (event_id, name) not in of.pools and not forgotten:
            yield f"Postgres has {places} places {status} of pool {name} of event {event_id}, which Redis does not know"


def _seats(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    """Check that each seat has one owner, and that its section's map agrees."""
    owners: dict[tuple[int, str, int], str] = {}
    for seat in tables.seats:
        other = owners.setdefault((seat.event_id, seat.pool, seat.place), seat.reservation_id)
        if other != seat.reservation_id:
            yield f"8: {other} and {seat.reservation_id} both have seat {seat.place} of section {seat.pool}"
        text = of.maps.get((seat.event_id, seat.pool))
        if text is not None and text[seat.place - 1 : seat.place] != _SEAT_OF[seat.status]:
            yield (
                f"8: {seat.reservation_id} is {seat.status} in Postgres, and its seat {seat.place} of section "
                f"{seat.pool} of event {seat.event_id} is not in Redis"
            )


def _customers(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    counted = Counter(of.customers)
    counted.subtract(_forgotten_visits(of))
    counted.subtract(counted_bookings(each for each in of.bookings.values() if each.is_expired_at(of.now_ms)))
    for event_id, customer_id in sorted({*counted, *tables.customers}):
        redis = counted[event_id, customer_id]
        postgres = tables.customers.get((event_id, customer_id), 0)
        if redis != postgres:
            yield (
                f"6: customer {customer_id} of event {event_id} is counted {redis} places in Redis, "
                f"{postgres} in Postgres"
            )


def _forgotten_visits(of: PartitionSnapshot) -> Counter[tuple[int, str]]:
    """Places that customers bought of slots which Redis is about to forget, by event and customer."""
    places: Counter[tuple[int, str]] = Counter()
    for member, until_ms in of.purges.items():
        visit = Visit.parse(member)
        if visit is not None and until_ms <= of.now_ms:
            places[visit.event_id, visit.customer_id] += visit.places
    return places


def _bookings(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    live = {key: booking for key, booking in of.bookings.items() if not booking.is_expired_at(of.now_ms)}
    for event_id, booking_id in sorted({*live, *tables.bookings}):
        redis, stored = live.get((event_id, booking_id)), tables.bookings.get((event_id, booking_id))
        if redis is None or stored is None:
            missing = "Redis" if redis is None else "Postgres"
            yield f"booking {booking_id} of event {event_id} is not in {missing}"
        elif redis != stored:
            yield f"booking {booking_id} of event {event_id} is another in Redis than in Postgres"


async def _codes(connection: Connection, of: PartitionSnapshot, facts: Sequence[Fact]) -> list[str]:
    """Check that codes count the reservations that name them, as Postgres has them or will."""
    changed = fold(facts).records
    events = sorted({event_id for event_id, _ in of.codes} | {record.event_id for record in changed.values()})
    told = {
        (event_id, code): CodeTotals(*totals)
        for event_id, code, *totals in await connection.fetch(statement("restore_codes"), events, list(changed))
    }
    for record in changed.values():
        if record.code is not None:
            key = record.event_id, record.code.code
            told[key] = told.get(key, CodeTotals()).plus(totals_of(record))
    return [
        f"code {code} of event {event_id} is {stored.totals} in Redis, and {known} in Postgres"
        for (event_id, code), stored in of.codes.items()
        if stored.totals != (known := told.get((event_id, code), CodeTotals()))
    ]


def _ledger(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    for rid, record in of.ledger.items():
        stored = tables.records.get(rid)
        if stored is None:
            yield f"{rid} is {record.state} in Redis, and not in Postgres"
        elif stored != record:
            yield f"{rid} is {record.state} in Redis, and {stored.state} in Postgres, or differs otherwise"
    for rid in sorted(tables.live - of.ledger.keys()):
        yield f"{rid} is held or paying in Postgres, and not in the ledger of Redis"
