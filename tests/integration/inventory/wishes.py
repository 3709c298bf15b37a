"""What Hypothesis draws: commands that say what they mean by how long ago it was, not by its id or its instant."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from engine.commands import (
    Add,
    BeginPayment,
    BestSeats,
    BlockSeats,
    Book,
    ConfirmPayment,
    Count,
    CountSlots,
    FailPayment,
    Find,
    FindBooking,
    Hold,
    Move,
    NamedSeats,
    PutEvent,
    ReadSeatMap,
    Refund,
    Remove,
    SettleRefund,
    TimedPlaces,
    Unbook,
    items_text,
)
from engine.records import PoolCapacity, SectionMap, SectionSeats, Terms, TicketTerms
from engine.words import EventStatus, FailureReason
from tests.integration.inventory.choosing import items_of
from tests.integration.inventory.world import PurgeOf, SweepOf

PARTITIONS = 2
EVENTS = (2, 3, 4)
"""Two events share a partition, one has its own."""

POOLS = ("1", "2")
"""Of each event: ticket 1 has a pool, tickets 2 and 3 share the other."""

SECTIONS = {"s1": "aaaa\naaaaa", "s2": "aaa\naa"}
"""Tickets 4 and 5 offer the seats of both or of the first."""

SHORT_MS, LONG_MS = 6, 900_000
"""Holds that run out while we play, and holds that do not."""

PAST_MS, FUTURE_MS = 1, 4_000_000_000_000

FAR = (FUTURE_MS, FUTURE_MS + 3_600_000)
"""Two slots that do not begin while we play. Ticket 6 offers places of slots."""

SOON, LAST_SOON = -1, -2
"""A slot that begins while we play, and the last such that was meant."""

# What is drawn must not depend on the clock, so a command names its reservation by how long ago it was taken, a payment
# says that it is right, and a publication by how much it is newer; Sales.resolve puts in what they are at that moment.
# `next` is a new reservation, the same for all commands that are played at once; with a digit it is yet another.
NEXT, RIGHT = "next", -1
FIRST_ATTEMPT, LAST_ATTEMPT = "its first", "its last"
LATEST = {"last": 0, "last but one": 1, "last but two": 2, "last but three": 3, "last but four": 4}

events = st.sampled_from(EVENTS)
names = st.sampled_from(["last"] * 3 + ["last but one"] * 2 + [*LATEST, NEXT])
attempt_ids = st.sampled_from(["pay-a", "pay-b", "pay-c"])
begun_ids = st.sampled_from([LAST_ATTEMPT, LAST_ATTEMPT, FIRST_ATTEMPT]) | attempt_ids
starts = st.sampled_from([*FAR] * 3 + [SOON, LAST_SOON, LAST_SOON, PAST_MS])
customer_ids = st.sampled_from(["u", "v", "w"])
digests = st.sampled_from(["one"] * 6 + ["other"])
reasons = st.sampled_from(list(FailureReason)).map(str)
capacities = st.integers(0, 8)
ticket_ids = st.sampled_from([1] * 12 + [2] * 9 + [3] * 8 + [9])
"""There is no 9."""


def put_event(
    event_id: int,
    pools: list[int],
    hold_ms: int,
    *,
    limit: int = 4,
    price: int = 100,
    status: EventStatus = EventStatus.ON_SALE,
    window: tuple[int, int] = (0, 0),
    newer_by: int = 1,
    slot_capacity: int = 2,
) -> PutEvent:
    """An event with the capacities of its pools, newer than what is published, of the same version, or older."""
    tickets = [
        TicketTerms(1, ["1"], price),
        TicketTerms(2, ["2"], 2 * price),
        TicketTerms(3, ["2"], 70),
        TicketTerms(4, list(SECTIONS), 50, True),
        TicketTerms(5, ["s1"], 30, True),
        TicketTerms(6, [], 40, False, True),
    ]
    terms = Terms(status, *window, hold_ms, limit, tickets, newer_by, slot_capacity)
    sections = [SectionMap(pool, text) for pool, text in SECTIONS.items()]
    return PutEvent(event_id, terms, list(map(PoolCapacity, POOLS, pools)), sections)


def seats_of(pool: str, places: set[int]) -> SectionSeats:
    """Seats of a section; a place that is none of its seats is taken for another."""
    seats = [place for place, seat in enumerate(SECTIONS[pool], 1) if seat == "a"]
    return SectionSeats(pool, sorted({seats[place % len(seats)] for place in places}))


def named_seats(ticket_id: int, section: SectionSeats) -> NamedSeats:
    """An item of these seats."""
    return NamedSeats(ticket_id, len(section.seats), section.pool, section.seats)


def no_seat_twice(items: list[Any]) -> list[Any]:
    """Items without the seats that an earlier one names: who asks sees to that."""
    named: set[tuple[str, int]] = set()
    kept = []
    for item in items:
        if isinstance(item, NamedSeats):
            mine = {(item.pool, seat) for seat in item.seats}
            if mine & named:
                continue
            named |= mine
        kept.append(item)
    return kept


seats = st.builds(seats_of, st.sampled_from(list(SECTIONS)), st.sets(st.integers(0, 8), min_size=1, max_size=3))
first_section = st.builds(seats_of, st.just("s1"), st.sets(st.integers(0, 8), min_size=1, max_size=2))
best_seats = st.builds(BestSeats, st.sampled_from([4, 4, 5]), st.sampled_from([1, 2, 2, 3, 5]), st.booleans())
timed_places = st.builds(TimedPlaces, st.sampled_from([6] * 9 + [1]), st.sampled_from([1, 1, 2]), starts)
seat_items = st.builds(named_seats, st.just(4), seats) | st.builds(named_seats, st.just(5), first_section) | best_seats

holds = st.builds(
    Hold,
    st.sampled_from([NEXT] * 9 + ["last", "last but one", "last but two"]),
    events,
    customer_ids,
    st.just('{"first_name":"Islom"}'),
    digests,
    st.lists(st.tuples(ticket_ids, st.sampled_from([1, 1, 1, 2, 3])) | seat_items, min_size=1, max_size=3)
    .map(no_seat_twice)
    .map(items_text),
)
timed_holds = st.builds(
    lambda hold, items: replace(hold, items=items_text(no_seat_twice([*items, *items_of(hold.items)][:3]))),
    holds,
    st.lists(timed_places, min_size=1, max_size=2),
)
additions = st.builds(
    Add,
    names,
    events,
    customer_ids,
    st.just('{"first_name":"Islom"}'),
    st.tuples(ticket_ids, st.sampled_from([1, 1, 2, 3])) | seat_items,
    st.sampled_from([0, 0, SHORT_MS]),
)
timed_additions = st.builds(lambda addition, item: replace(addition, item=item), additions, timed_places)
removals = st.builds(lambda name, section: Remove(name, section.pool, section.seats), names, seats)
blocks = st.builds(
    BlockSeats, events, st.lists(seats, min_size=1, max_size=2, unique_by=lambda section: section.pool), st.booleans()
)
seat_reads = st.builds(ReadSeatMap, events, st.sampled_from([*SECTIONS, "s9"]))
publications = st.builds(
    put_event,
    events,
    st.lists(capacities, min_size=2, max_size=2),
    st.sampled_from([SHORT_MS, LONG_MS]),
    limit=st.sampled_from([2, 3, 4, 10, 100]),
    price=st.sampled_from([0, 100, 30_000]),
    status=st.sampled_from([EventStatus.ON_SALE] * 9 + list(EventStatus)),
    window=st.sampled_from([(0, 0)] * 6 + [(PAST_MS, FUTURE_MS), (FUTURE_MS, 0), (0, PAST_MS)]),
    newer_by=st.sampled_from([1, 1, 1, 0, -1]),
    slot_capacity=st.sampled_from([2, 2, 2, 1, 3, 0]),
)
beginnings = st.builds(BeginPayment, names, attempt_ids, st.sampled_from([RIGHT] * 6 + [100]), digests)
outcomes = st.builds(ConfirmPayment, names, begun_ids) | st.builds(
    FailPayment, names, begun_ids, reasons, st.sampled_from([False, False, True])
)
reads = st.builds(Find, names) | st.builds(Count, events) | seat_reads
refunds = st.builds(Refund, names, st.booleans()) | st.builds(SettleRefund, names, begun_ids)
bookings = st.builds(
    Book, events, st.sampled_from([NEXT] * 9 + ["last", "last but one"]), starts, st.just('{"name":"Rao"}'), digests
)
moves = st.builds(Move, events, names, starts | st.just(0), st.sampled_from(["", "", '{"name":"Sen"}']))
unbookings = st.builds(Unbook, events, names, st.sampled_from(["one", "one", "other"]))
booking_reads = st.builds(FindBooking, events, names) | st.builds(
    CountSlots, events, st.lists(starts, min_size=1, max_size=3)
)
purges = st.builds(PurgeOf, st.sampled_from([0, 0, 0, 1]), st.integers(0, PARTITIONS - 1))
sweeps = st.builds(SweepOf, st.integers(0, PARTITIONS - 1))
