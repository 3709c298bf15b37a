"""Strategies of Hypothesis: commands name things by their age, not by an id or an instant."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from engine.commands.bookings import Book, CountSlots, EraseBooking, FindBooking, Move, Unbook
from engine.commands.events import Count, EndEvent, PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Claim, Hold, Remove, RemovePlaces, Replace, Shorten
from engine.commands.items import ANY_TOTAL, BestSeats, NamedSeats, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.commands.reservations import Erase, Find
from engine.commands.seats import BlockSeats, CountSections, ReadSeatMap
from engine.stock import PoolCapacity, SectionMap, SectionSeats
from engine.terms import OwnTerms, ScheduleTerms, Terms, TicketTerms
from engine.words import EventStatus, FailureReason
from tests.support.engine.model_vs_server import PurgeOf, SweepOf
from tests.support.engine.reference_items import items_of
from tests.support.engine.timed_slots import EVERY_DAY, schedule_of, slot_of

PARTITIONS = 2
EVENTS = (2, 3, 4)
"""Two events share a partition, one has its own."""

POOLS = ("1", "s3")
"""Of each event: ticket 1 has a pool, tickets 2 and 3 share the other, which is a section without seats."""

SECTIONS = {"s1": "aaaa\naaaaa", "s2": "aaa\naa"}
"""Tickets 4 and 5 offer the seats of both or of the first."""

SHORT_MS, LONG_MS = 6, 900_000
"""Holds that expire while we play, and holds that do not."""

PAST_MS, FUTURE_MS = 1, 4_000_000_000_000

FAR = (FUTURE_MS, FUTURE_MS + 3_600_000)
"""Two slots that do not begin while we play. Ticket 6 offers places of slots."""


SOON, LAST_SOON = -1, -2
"""A slot that begins while we play, and the last such that was meant."""

# Drawn values must not depend on the clock. So a command names its reservation by its age, and a payment says that it
# is right. A publication says how many versions newer it is. Sales.resolve replaces these by the values of that moment.
# `next` is a new reservation, the same for all commands that are played at once; with a digit it is yet another.
NEXT, RIGHT, SOONER = "next", -1, -1
FIRST_ATTEMPT, LAST_ATTEMPT = "its first", "its last"
LATEST = {"last": 0, "last but one": 1, "last but two": 2, "last but three": 3, "last but four": 4}

ITS_OWN = "its own"
"""The customer of the reservation, and the currency of the event."""

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


OWN = (
    OwnTerms(paused=True),
    OwnTerms(hidden=True),
    OwnTerms(opens_ms=FUTURE_MS),
    OwnTerms(closes_ms=PAST_MS),
    OwnTerms(opens_ms=PAST_MS, closes_ms=FUTURE_MS, min_quantity=2),
)
"""Terms that some tickets have beside those of their event."""


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
    schedule: ScheduleTerms | None = None,
    keeps_slots: bool = False,
    own: OwnTerms | None = None,
    currency: str = ITS_OWN,
) -> PutEvent:
    """An event with the capacities of its pools, newer than what is published, of the same version, or older."""
    tickets = [
        TicketTerms(1, ["1"], price),
        TicketTerms(2, ["s3"], 2 * price, own=own),
        TicketTerms(3, ["s3"], 70),
        TicketTerms(4, list(SECTIONS), 50, True),
        TicketTerms(5, ["s1"], 30, True, own=own),
        TicketTerms(6, [], 40, False, True, own),
    ]
    terms = Terms(status, *window, hold_ms, limit, tickets, newer_by, schedule or schedule_of(2), currency)
    sections = [SectionMap(pool, text) for pool, text in SECTIONS.items()]
    return PutEvent(event_id, terms, list(map(PoolCapacity, POOLS, pools)), sections, keeps_slots)


def seats_of(pool: str, places: set[int]) -> SectionSeats:
    """Seats of a section; a place that is none of its seats is taken for another."""
    seats = [place for place, seat in enumerate(SECTIONS[pool], 1) if seat == "a"]
    return SectionSeats(pool, sorted({seats[place % len(seats)] for place in places}))


def named_seats(ticket_id: int, section: SectionSeats) -> NamedSeats:
    """An item of these seats."""
    return NamedSeats(ticket_id, len(section.seats), section.pool, section.seats)


def no_seat_twice(items: list[Any]) -> list[Any]:
    """Items without the seats that an earlier one names, as callers must send them."""
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
timed_places = st.builds(TimedPlaces, st.sampled_from([6] * 9 + [1]), st.sampled_from([1, 1, 2]), st.just(""), starts)
seat_items = st.builds(named_seats, st.just(4), seats) | st.builds(named_seats, st.just(5), first_section) | best_seats

expected = st.sampled_from([ANY_TOTAL] * 9 + [100, 50])
"""The total that a customer was shown."""

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
    expected_minor=expected,
    over_limit=st.sampled_from([False] * 6 + [True]),
    from_blocked=st.sampled_from([False] * 3 + [True]),
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
    expected_minor=expected,
)
replacements = st.builds(
    Replace,
    names,
    events,
    st.sampled_from([ITS_OWN] * 9 + ["stranger"]),
    st.lists(st.tuples(ticket_ids, st.sampled_from([1, 1, 2, 3])) | seat_items, min_size=1, max_size=3)
    .map(no_seat_twice)
    .map(items_text),
)
timed_additions = st.builds(lambda addition, item: replace(addition, item=item), additions, timed_places)
removals = (
    st.builds(lambda name, section: Remove(name, section.pool, section.seats), names, seats)
    | st.builds(RemovePlaces, names, ticket_ids, st.sampled_from(["", "", "1", "2"]))
    | st.builds(Claim, names, customer_ids)
    | st.builds(Shorten, names, st.sampled_from([SOONER, SOONER, PAST_MS, FUTURE_MS]))
)
blocks = st.builds(
    BlockSeats, events, st.lists(seats, min_size=1, max_size=2, unique_by=lambda section: section.pool), st.booleans()
)
seat_reads = st.builds(ReadSeatMap, events, st.sampled_from([*SECTIONS, "s9"])) | st.builds(CountSections, events)
publications = st.builds(
    put_event,
    events,
    st.lists(capacities, min_size=2, max_size=2),
    st.sampled_from([SHORT_MS, LONG_MS]),
    limit=st.sampled_from([2, 3, 4, 10, 100]),
    price=st.sampled_from([0, 100, 30_000]),
    status=st.sampled_from([EventStatus.ON_SALE] * 9 + [*EventStatus, EventStatus.CANCELLED]),
    window=st.sampled_from([(0, 0)] * 6 + [(PAST_MS, FUTURE_MS), (FUTURE_MS, 0), (0, PAST_MS)]),
    newer_by=st.sampled_from([1, 1, 1, 0, -1]),
    schedule=st.builds(
        schedule_of,
        st.sampled_from([2, 2, 2, 1, 3, 0]),
        times=st.sampled_from([2, 2, 2, 1]),
        weekdays=st.sampled_from([EVERY_DAY] * 3 + [(1, 2, 3, 4, 5), (6, 7)]),
        closed=st.sampled_from([(), (), (), (slot_of(FAR[0]),), (slot_of(FAR[1])[:10],)]),
    ),
    keeps_slots=st.sampled_from([False, False, True]),
    own=st.sampled_from([None, None, None, *OWN]),
    currency=st.sampled_from([ITS_OWN] * 7 + ["JPY"]),
)
beginnings = st.builds(BeginPayment, names, attempt_ids, st.sampled_from([RIGHT] * 6 + [100]), digests)
outcomes = st.builds(ConfirmPayment, names, begun_ids) | st.builds(
    FailPayment, names, begun_ids, reasons, st.sampled_from([False, False, True])
)
reads = st.builds(Find, names) | st.builds(Count, events) | seat_reads
some_places = st.tuples(ticket_ids | st.just(6), st.sampled_from([1, 1, 1, 2])) | st.builds(
    named_seats, st.just(4), first_section
)
some_refunds = st.builds(
    RefundSome,
    names,
    st.sampled_from(["refund-a", "refund-b", "refund-c"]),
    st.booleans(),
    st.lists(some_places, max_size=2).map(no_seat_twice),
    st.sampled_from([ANY_TOTAL] * 4 + [0, 30, 10_000]),
)
disputes = st.builds(
    DisputePayment, names, begun_ids, st.sampled_from([1, 100]), st.just("EUR"), st.sampled_from(["", "", "seen"])
)
refunds = (
    st.builds(Refund, names, st.booleans())
    | st.builds(SettleRefund, names, begun_ids, st.just("the last"))
    | some_refunds
    | st.builds(Restock, names)
    | st.builds(Erase, names, st.sampled_from(["{}", '{"first_name":"A"}']))
    | disputes
)
exchanges = st.builds(
    Exchange,
    names,
    st.sampled_from(["exchange-a", "exchange-b", "exchange-c"]),
    st.lists(st.tuples(ticket_ids, st.sampled_from([1, 1, 2, 3])) | seat_items, min_size=1, max_size=3)
    .map(no_seat_twice)
    .map(items_text),
    st.sampled_from([ANY_TOTAL] * 9 + [100]),
    st.sampled_from([True] * 9 + [False]),
    st.sampled_from([False] * 4 + [True]),
    digests,
)
timed_exchanges = st.builds(
    lambda exchange, items: replace(exchange, items=items_text(no_seat_twice([*items, *items_of(exchange.items)][:2]))),
    exchanges,
    st.lists(timed_places, min_size=1, max_size=2),
)
ends_of_events = st.builds(EndEvent, events)
phones = st.sampled_from(["", "", "933", "944"])
bookings = st.builds(
    Book,
    events,
    st.sampled_from([NEXT] * 9 + ["last", "last but one"]),
    st.just(""),
    starts,
    st.just('{"name":"Rao"}'),
    digests,
    phones,
    customer_ids | st.just(""),
)
moves = st.builds(
    Move,
    events,
    names,
    st.just(""),
    starts | st.just(0),
    st.sampled_from(["", "", '{"name":"Sen"}']),
    phones,
    st.sampled_from([0, RIGHT, RIGHT, 1]),
)
unbookings = st.builds(
    Unbook, events, names, st.sampled_from(["one", "one", "other"]), st.sampled_from([0, 0, 0, 1])
) | st.builds(EraseBooking, events, names, st.sampled_from(["{}", '{"name":"Rao"}']))
booking_reads = st.builds(FindBooking, events, names) | st.builds(
    CountSlots, events, st.lists(starts.map(str), min_size=1, max_size=3)
)
purges = st.builds(PurgeOf, st.sampled_from([0, 0, 0, 1]), st.integers(0, PARTITIONS - 1))
sweeps = st.builds(SweepOf, st.integers(0, PARTITIONS - 1))
