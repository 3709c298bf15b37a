"""A partition of Redis against the tables of Postgres, as they will be after the facts that are still in the outbox."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.facts import BookingFact, Fact, decode_booking_facts, decode_facts
from engine.outbox import Position
from engine.records import Booking, Record
from engine.slots import Visit, slot_pool, slot_start_ms
from engine.words import State
from sync.bookings import read_live_bookings
from sync.folding import fold, fold_bookings
from sync.postgres import Connection
from sync.reader import without_gap
from sync.reservations import read_records
from sync.snapshot import PartitionSnapshot
from sync.sql import statement

_OWNED = frozenset({State.HELD, State.PAYING, State.PAID})
_LIVE = frozenset({State.HELD, State.PAYING})


_SEAT_OF = {State.HELD.value: "h", State.PAYING.value: "p", State.PAID.value: "s"}


class Owned(NamedTuple):
    """A seat, by its place in the map of its section, and the reservation that has it."""

    event_id: int
    pool: str
    place: int
    status: str
    reservation_id: str


class Tables(NamedTuple):
    """What Postgres says of a partition, or will say."""

    places: Mapping[tuple[int, str, str], int]
    """By event, pool and status."""
    customers: Mapping[tuple[int, str], int]
    """Places held, paid for or bought, by event and customer, but for those of slots that Redis forgets."""
    seats: Sequence[Owned]
    live: frozenset[str]
    """Reservations that are held or paying."""
    bookings: Mapping[tuple[int, str], Booking]
    """Those that have not expired, by event and id."""
    records: Mapping[str, Record]
    """Of the reservations in the ledger of Redis."""


async def compare(connection: Connection, of: PartitionSnapshot, committed: Position, partitions: int) -> list[str]:
    """What differs, one sentence each. The tables must stand still at `committed` while this runs."""
    pending = [entry for entry in of.outbox if entry.position > committed]
    whole = without_gap(committed, pending)
    last_known = whole[-1].position if whole else committed
    if of.last.sequence and last_known != of.last:
        return [f"7: Postgres is at {committed}, the outbox leads on to {last_known}, and Redis is at {of.last}"]
    try:
        facts = [fact for entry in pending for fact in decode_facts(entry.payload)]
        booking_facts = [fact for entry in pending if entry.bookings for fact in decode_booking_facts(entry.bookings)]
    except ValueError as error:
        return [f"7: an entry after {committed} of partition {of.partition} cannot be decoded: {error}"]
    tables = await _tables(connection, of, facts, booking_facts, partitions)
    dead: int = await connection.fetchval(statement("audit_dead_letters"), of.partition)
    found = [*_pools(of, tables), *_seats(of, tables), *_customers(of, tables), *_ledger(of, tables)]
    found += _bookings(of, tables)
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
    arguments = (partitions, of.partition, list(changed))
    places = Counter(
        {
            (event_id, pool, status): count
            for event_id, pool, status, count in await connection.fetch(statement("audit_places"), *arguments)
        }
    )
    customers: Counter[tuple[int, str]] = Counter()
    for event_id, customer_id, pool, count in await connection.fetch(statement("audit_customers"), *arguments):
        if not _is_forgotten(of, event_id, pool):
            customers[event_id, customer_id] += count
    seats = [Owned(*row) for row in await connection.fetch(statement("audit_seats"), *arguments)]
    live = {rid for (rid,) in await connection.fetch(statement("audit_live"), *arguments)}
    for rid, record in changed.items():
        for line in record.lines:
            places[record.event_id, line.pool, record.state] += line.quantity
        if record.state in _OWNED:
            customers[record.event_id, record.customer_id] += sum(
                line.quantity for line in record.lines if not _is_forgotten(of, record.event_id, line.pool)
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
    return Tables(places, +customers, seats, frozenset(live), bookings, {**stored, **changed})


def _is_forgotten(of: PartitionSnapshot, event_id: int, pool: str) -> bool:
    """Whether it is a slot that is past, and that Redis has forgotten or is about to."""
    start_ms = slot_start_ms(pool)
    return start_ms is not None and start_ms <= of.now_ms and of.slots.get((event_id, pool), 0) <= of.now_ms


def _pools(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    booked = Counter((booking.event_id, slot_pool(booking.start_ms)) for booking in tables.bookings.values())
    for (event_id, name), pool in of.pools.items():
        if _is_forgotten(of, event_id, name):
            continue
        held, paying, paid, due, refunded = (
            tables.places.get((event_id, name, state), 0)
            for state in (State.HELD, State.PAYING, State.PAID, State.REFUND_DUE, State.REFUNDED)
        )
        if (held, paying) != (pool.held, pool.paying):
            yield (
                f"pool {name} of event {event_id} has {pool.held} places held and {pool.paying} paying, "
                f"Postgres {held} and {paying}"
            )
        # Refunded places that were not put on sale again stay sold.
        taken = paid + booked[event_id, name]
        if not taken <= pool.sold <= taken + due + refunded:
            yield (
                f"pool {name} of event {event_id} has {pool.sold} places sold, "
                f"Postgres {taken} paid or booked and {due + refunded} refunded"
            )
    for (event_id, name, status), places in tables.places.items():
        forgotten = status == State.PAID and _is_forgotten(of, event_id, name)
        if status in _OWNED and (event_id, name) not in of.pools and not forgotten:
            yield f"Postgres has {places} places {status} of pool {name} of event {event_id}, which Redis does not know"


def _seats(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    """Whether each seat has one owner, and is in the map of its section as that one has it."""
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


def _ledger(of: PartitionSnapshot, tables: Tables) -> Iterator[str]:
    for rid, record in of.ledger.items():
        stored = tables.records.get(rid)
        if stored is None:
            yield f"{rid} is {record.state} in Redis, and not in Postgres"
        elif stored != record:
            yield f"{rid} is {record.state} in Redis, and {stored.state} in Postgres, or differs otherwise"
    for rid in sorted(tables.live - of.ledger.keys()):
        yield f"{rid} is held or paying in Postgres, and not in the ledger of Redis"
