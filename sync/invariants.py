"""The invariants of a partition, numbered as in lua/00_library.lua, over a snapshot of it."""

from collections import Counter
from collections.abc import Iterator

from engine.records import Record
from engine.slots import Visit, slot_pool, slot_start_ms
from engine.words import AttemptState, State
from sync.snapshot import PartitionSnapshot

_UNSETTLED = frozenset({AttemptState.PENDING, AttemptState.REFUND_DUE})
_LIVE = frozenset({State.HELD, State.PAYING})
_HELD_MARK = b"held"
_GONE = -2
_SEAT_OF = {State.HELD: "h", State.PAYING: "p"}


def breaches(of: PartitionSnapshot, partitions: int) -> Iterator[str]:
    """What is not as it must be, one sentence each."""
    if of.meta.get("partitions") != str(partitions):
        yield f"meta says {of.meta.get('partitions')} partitions, the settings {partitions}"
    yield from _pools(of)
    yield from _maps(of)
    yield from _records(of)
    yield from _hold_keys(of)
    yield from _customers(of)
    yield from _slots(of)
    yield from _outbox(of)


def _pools(of: PartitionSnapshot) -> Iterator[str]:
    for (event_id, name), pool in of.pools.items():
        if min(pool) < 0 or pool.available + pool.held + pool.paying + pool.sold != pool.capacity:
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
    """Whether a section's map counts as its pool does, and who has a seat by the ledger has it by the map, alone."""
    for (event_id, name), text in of.maps.items():
        pool = of.pools.get((event_id, name))
        if text is None:
            yield f"8: section {name} of event {event_id} has no map"
        elif pool is not None and tuple(map(text.count, "ahps")) != pool[1:]:
            yield f"8: the map of section {name} of event {event_id} does not count as its pool does: {pool}"
    owners: dict[tuple[int, str, int], str] = {}
    for rid, record in of.ledger.items():
        if record.state not in _LIVE:
            continue
        for line in record.lines:
            text = of.maps.get((record.event_id, line.pool))
            for seat in line.seats:
                if text is not None and text[seat - 1 : seat] != _SEAT_OF[record.state]:
                    yield f"8: {rid} is {record.state}, and seat {seat} of section {line.pool} is not"
                other = owners.setdefault((record.event_id, line.pool, seat), rid)
                if other != rid:
                    yield f"8: {other} and {rid} both have seat {seat} of section {line.pool}"


def _places_of_ledger(of: PartitionSnapshot) -> Counter[tuple[int, str, State]]:
    counted: Counter[tuple[int, str, State]] = Counter()
    for record in of.ledger.values():
        if record.state in _LIVE:
            for line in record.lines:
                counted[record.event_id, line.pool, record.state] += line.quantity
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
        lives = hold.value == _HELD_MARK and hold.expires_ms == deadline_ms
        ran_out = hold.expires_ms == _GONE and deadline_ms <= of.now_ms
        if not lives and not ran_out:
            yield f"3: the hold key of {rid} does not live until its deadline {deadline_ms}: {hold}"


def _customers(of: PartitionSnapshot) -> Iterator[str]:
    live: Counter[tuple[int, str]] = Counter()
    for record in of.ledger.values():
        if record.state in _LIVE:
            live[record.event_id, record.customer_id] += record.places
    for (event_id, customer_id), places in of.customers.items():
        if places <= 0:
            yield f"6: customer {customer_id} has {places} places of event {event_id}"
    for (event_id, customer_id), places in live.items():
        counted = of.customers.get((event_id, customer_id), 0)
        if counted < places:
            yield f"6: customer {customer_id} of event {event_id} is counted {counted} places, the ledger has {places}"


def _slots(of: PartitionSnapshot) -> Iterator[str]:
    """Whether slots and what goes with them is known by when, and each booking has a place."""
    pools = {key for key in of.pools if slot_start_ms(key[1]) is not None}
    for event_id, name in sorted(pools ^ of.slots.keys()):
        place, other = ("pools", "slots") if (event_id, name) in pools else ("slots", "pools")
        yield f"9: slot {name} of event {event_id} is in {place}, and not in {other}"
    taken: Counter[tuple[int, str]] = Counter()
    ends = dict(of.purges)
    for (event_id, booking_id), booking in of.bookings.items():
        taken[event_id, slot_pool(booking.start_ms)] += 1
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
        # More where refunded places were not put on sale again: they are sold and nobody's.
        sold = of.pools[event_id, name].sold if (event_id, name) in of.pools else 0
        if sold < places:
            yield f"10: slot {name} of event {event_id} has {sold} places sold, {places} are booked or paid for"


def _outbox(of: PartitionSnapshot) -> Iterator[str]:
    for before, entry in zip(of.outbox, of.outbox[1:], strict=False):
        if not entry.position.is_next_of(before.position):
            yield f"7: the outbox has {entry.position} after {before.position}"
    if of.outbox and of.outbox[-1].position != of.last:
        yield f"7: the outbox ends at {of.outbox[-1].position}, meta says {of.last}"


def is_unsettled(record: Record) -> bool:
    """Whether money may still come, or must still go back."""
    return any(attempt.state in _UNSETTLED for attempt in record.attempts)
