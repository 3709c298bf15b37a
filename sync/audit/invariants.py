"""The invariants of a partition, numbered as in lua/00_library.lua, over a snapshot of it."""

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.codes import CodeTotals, totals_of
from engine.records import Booking, Line, Record
from engine.seats import PAYING, SEAT_OF
from engine.slots import Visit, phone_customer, slot_of_pool, slot_pool
from engine.words import AttemptState, State, WaitingState
from sync.audit.snapshot import PartitionSnapshot

_LIVE = frozenset({State.HELD, State.PAYING})
_HELD_MARK = b"held"

_LONGER_MS = 1000
"""A key that was moved alone (MIGRATE) lives longer by the time of its move. Deadlines decide, so it does no harm."""
_GONE = -2


def breaches(of: PartitionSnapshot, partitions: int) -> Iterator[str]:
    """The broken invariants, one sentence each."""
    if of.meta.get("partitions") != str(partitions):
        yield f"meta says {of.meta.get('partitions')} partitions, the settings {partitions}"
    yield from _pools(of)
    yield from _maps(of)
    yield from _records(of)
    yield from _hold_keys(of)
    yield from _customers(of)
    yield from _slots(of)
    yield from _waiting_lists(of)
    yield from _codes(of)
    yield from _outbox(of)


def _pools(of: PartitionSnapshot) -> Iterator[str]:
    for (event_id, name), pool in of.pools.items():
        if min(pool) < 0 or sum(pool[1:6]) != pool.capacity:
            yield f"1: pool {name} of event {event_id} is not conserved: {pool}"
    counted = _places_of_ledger(of)
    for (event_id, name), pool in of.pools.items():
        for state, places in ((State.HELD, pool.held), (State.PAYING, pool.paying)):
            told = counted.pop((event_id, name, state), 0)
            if told != places:
                yield f"2: pool {name} of event {event_id} has {places} places {state}, the ledger {told}"
    for event_id, name, state in counted:
        yield f"2: the ledger has places {state} of pool {name} of event {event_id}, which is not there"
    for event_id, terms in of.terms.items():
        for ticket in terms.tickets:
            for name in ticket.pools:
                if (event_id, name) not in of.pools:
                    yield f"1: ticket {ticket.ticket_id} of event {event_id} has no pool {name}"


def _maps(of: PartitionSnapshot) -> Iterator[str]:
    """Check that a section's map counts as its pool does, and that map and ledger name the same owner of each seat."""
    for (event_id, name), text in of.maps.items():
        pool = of.pools.get((event_id, name))
        if text is None:
            yield f"8: section {name} of event {event_id} has no map"
        elif pool is not None and tuple(map(text.count, "ahpsk")) != pool[1:6]:
            yield f"8: the map of section {name} of event {event_id} does not count as its pool does: {pool}"
    owners: dict[tuple[int, str, int], str] = {}
    for rid, record in of.ledger.items():
        seats = [(line, PAYING) for line in pinned_lines(record)]
        if record.state in _LIVE:
            seats += [(line, SEAT_OF[record.state]) for line in record.lines]
        for line, wanted in seats:
            yield from _seats_of_line(of, owners, rid, record.event_id, line, wanted)


def _seats_of_line(
    of: PartitionSnapshot, owners: dict[tuple[int, str, int], str], rid: str, event_id: int, line: Line, wanted: str
) -> Iterator[str]:
    """Check that the seats of a line are `wanted` in their map, and nobody else's."""
    text = of.maps.get((event_id, line.pool))
    for seat in line.seats:
        if text is not None and text[seat - 1 : seat] != wanted:
            yield f"8: {rid} has seat {seat} of section {line.pool}, which is not {wanted!r} in its map"
        other = owners.setdefault((event_id, line.pool, seat), rid)
        if other != rid:
            yield f"8: {other} and {rid} both have seat {seat} of section {line.pool}"


def _places_of_ledger(of: PartitionSnapshot) -> Counter[tuple[int, str, State]]:
    counted: Counter[tuple[int, str, State]] = Counter()
    for record in of.ledger.values():
        if record.state in _LIVE:
            for line in record.lines:
                counted[record.event_id, line.pool, record.state] += line.quantity
        for line in pinned_lines(record):
            counted[record.event_id, line.pool, State.PAYING] += line.quantity
    return counted


def _records(of: PartitionSnapshot) -> Iterator[str]:
    for rid in sorted({*of.ledger, *of.deadlines, *of.unsettled}):
        record = of.ledger.get(rid)
        if record is None:
            yield f"5: {rid} is in deadlines or unsettled, and not in the ledger"
            continue
        if (record.state is State.HELD) != (rid in of.deadlines):
            yield f"3: {rid} is {record.state}, and {'in' if rid in of.deadlines else 'not in'} deadlines"
        if is_unsettled(record) != (rid in of.unsettled):
            yield f"4: {rid} is {'in' if rid in of.unsettled else 'not in'} unsettled, against what its attempts say"
        if rid not in of.deadlines and rid not in of.unsettled:
            yield f"5: {rid} is in the ledger, and neither in deadlines nor in unsettled"


def _hold_keys(of: PartitionSnapshot) -> Iterator[str]:
    for rid, deadline_ms in of.deadlines.items():
        record, hold = of.ledger.get(rid), of.holds.get(rid)
        if record is not None and record.deadline_ms != deadline_ms:
            yield f"3: {rid} is due at {record.deadline_ms}, deadlines say {deadline_ms}"
        if hold is None:
            continue
        longer_ms = hold.expires_ms - deadline_ms
        lives = hold.value == _HELD_MARK and 0 <= longer_ms <= _LONGER_MS
        ran_out = hold.expires_ms == _GONE and deadline_ms <= of.now_ms
        if not lives and not ran_out:
            yield f"3: the hold key of {rid} does not live until its deadline {deadline_ms}: {hold}"


def _customers(of: PartitionSnapshot) -> Iterator[str]:
    live: Counter[tuple[int, str]] = Counter()
    for record in of.ledger.values():
        if record.state in _LIVE:
            live[record.event_id, record.customer_id] += record.places
    live.update(counted_bookings(of.bookings.values()))
    for (event_id, customer_id), places in of.customers.items():
        if places <= 0:
            yield f"6: customer {customer_id} has {places} places of event {event_id}"
    for (event_id, customer_id), places in live.items():
        counted = of.customers.get((event_id, customer_id), 0)
        if counted < places:
            yield f"6: customer {customer_id} of event {event_id} is counted {counted} places, and has {places}"


def _slots(of: PartitionSnapshot) -> Iterator[str]:
    """Check that the expiry of slots and of their bookings is known, and that each booking has a place."""
    pools = {key for key in of.pools if slot_of_pool(key[1]) is not None}
    for event_id, name in sorted(pools ^ of.slots.keys()):
        place, other = ("pools", "slots") if (event_id, name) in pools else ("slots", "pools")
        yield f"9: slot {name} of event {event_id} is in {place}, and not in {other}"
    taken: Counter[tuple[int, str]] = Counter()
    ends = dict(of.purges)
    for (event_id, booking_id), booking in of.bookings.items():
        taken[event_id, slot_pool(booking.slot)] += 1
        ends_ms = ends.pop(f"{event_id}/{booking_id}", None)
        if ends_ms != booking.expires_ms:
            yield f"9: booking {booking_id} of event {event_id} ends at {booking.expires_ms}, purges say {ends_ms}"
    for member in ends:
        visit = Visit.parse(member)
        if visit is None:
            yield f"9: {member} is in purges, and not in bookings"
        else:
            taken[visit.event_id, visit.pool] += visit.places
    for (event_id, name), places in taken.items():
        sold = of.pools[event_id, name].sold if (event_id, name) in of.pools else 0
        if sold < places:
            yield f"10: slot {name} of event {event_id} has {sold} places sold, {places} are booked or paid for"


def _waiting_lists(of: PartitionSnapshot) -> Iterator[str]:
    """Check each waiting customer's one place in line, the hold of each offer, and that no more is set aside."""
    offers = {rid for rid, record in of.ledger.items() if record.is_offer and record.state in _LIVE}
    listed = {event_id for event_id, _ in of.lines}
    for (event_id, ticket_id), line in of.lines.items():
        waiting = {
            each.waiting_id: each.number
            for each in of.waiting.values()
            if (each.event_id, each.ticket_id, each.state) == (event_id, ticket_id, WaitingState.WAITING)
        }
        if waiting != line:
            yield f"12: the line of ticket {ticket_id} of event {event_id} has others than those who wait for it"
    for entry in of.waiting.values():
        if (entry.state is WaitingState.OFFERED) != (entry.waiting_id in offers):
            has = "has a live hold" if entry.waiting_id in offers else "has none"
            yield f"12: {entry.waiting_id} is {entry.state} and {has}"
    for rid in sorted(offers - of.waiting.keys()):
        if of.ledger[rid].event_id in listed:
            yield f"12: {rid} is an offer that nobody waited for"
    for (event_id, name), places in of.aside.items():
        pool = of.pools.get((event_id, name))
        if pool is None or places > pool.available:
            available = pool.available if pool else 0
            yield f"12: {places} places of pool {name} of event {event_id} are set aside, {available} are available"


def _codes(of: PartitionSnapshot) -> Iterator[str]:
    """Check that a code counts what the ledger has under it, and that what is set aside is kept off sale."""
    live: dict[tuple[int, str], CodeTotals] = {}
    for record in of.ledger.values():
        if record.code is not None and record.state in _LIVE:
            key = record.event_id, record.code.code
            live[key] = live.get(key, CodeTotals()).plus(totals_of(record))
    for (event_id, code), stored in of.codes.items():
        totals, told = stored.totals, live.pop((event_id, code), CodeTotals())
        what = f"code {code} of event {event_id}"
        if min(*totals, stored.free) < 0:
            yield f"14: {what} has a negative counter: {totals}"
        if (totals.held, totals.paying) != (told.held, told.paying):
            yield f"14: {what} has {totals.held} places held and {totals.paying} paying, the ledger {told}"
        if totals.uses < told.uses or totals.spent_minor < told.spent_minor:
            yield f"14: {what} has {totals.uses} uses and saves {totals.spent_minor}, the ledger {told}"
        if stored.is_open and stored.free + totals.taken != stored.terms.places:
            yield f"14: {what} has {stored.terms.places} places, {stored.free} free and {totals.taken} taken"
        if stored.free and not stored.is_open:
            yield f"14: {what} has {stored.free} places set aside, and is over"
    for event_id, code in live:
        yield f"14: the ledger has code {code} of event {event_id}, which is not there"
    for (event_id, name), places in set_aside(of).items():
        kept = of.pools[event_id, name].kept if (event_id, name) in of.pools else 0
        if kept < places:
            yield f"14: {places} places of pool {name} of event {event_id} are set aside, and {kept} are kept"


def set_aside(of: PartitionSnapshot) -> Counter[tuple[int, str]]:
    """Free places of allocations, by event and pool."""
    places: Counter[tuple[int, str]] = Counter()
    for (event_id, _), stored in of.codes.items():
        if stored.free and event_id in of.terms:
            for ticket in of.terms[event_id].tickets:
                if ticket.ticket_id == stored.terms.ticket_ids[0]:
                    places[event_id, ticket.pools[0]] += stored.free
    return places


def _outbox(of: PartitionSnapshot) -> Iterator[str]:
    for before, entry in zip(of.outbox, of.outbox[1:], strict=False):
        if not entry.follows(before.position):
            yield f"7: the outbox has {entry.position} after {before.position}"
    if of.outbox and of.outbox[-1].position != of.last:
        yield f"7: the outbox ends at {of.outbox[-1].position}, meta says {of.last}"


def counted_bookings(bookings: Iterable[Booking]) -> Counter[tuple[int, str]]:
    """Bookings that count for customers and phone numbers, by event and name in `customers`."""
    counted: Counter[tuple[int, str]] = Counter()
    for booking in bookings:
        if booking.customer_id:
            counted[booking.event_id, booking.customer_id] += 1
        if booking.phone:
            counted[booking.event_id, phone_customer(booking.phone)] += 1
    return counted


def pinned_lines(record: Record) -> list[Line]:
    """The places that an exchange of the record pins while its money may come."""
    return [line for attempt in record.attempts if (of := attempt.pending_exchange) for line in of.pinned]


def is_unsettled(record: Record) -> bool:
    """True if money may still come, or must still go back."""
    return any(attempt.state is AttemptState.PENDING or attempt.due_refunds for attempt in record.attempts)
