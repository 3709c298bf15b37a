"""Random sales: what Hypothesis plays against the world."""

from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from engine.commands import (
    Add,
    BeginPayment,
    BestSeats,
    BlockSeats,
    Book,
    Cancel,
    Command,
    ConfirmPayment,
    Count,
    CountSlots,
    FailPayment,
    Find,
    FindBooking,
    Hold,
    Move,
    NamedSeats,
    OnBooking,
    OnReservation,
    PutEvent,
    ReadSeatMap,
    Refund,
    Remove,
    SettleRefund,
    TimedPlaces,
    Unbook,
)
from engine.ids import event_of
from engine.records import PoolCapacity, SectionMap, SectionSeats, Terms, TicketTerms
from engine.slots import slot_pool
from engine.words import EventStatus, FailureReason, State
from tests.integration.inventory.model import ATTEMPTS_KEPT
from tests.integration.inventory.world import PurgeOf, SweepOf, World

PARTITIONS = 2
EVENTS = (2, 3, 4)
"""Two events share a partition, one has its own."""

POOLS = ("1", "2")
"""Of each event: ticket 1 has a pool, tickets 2 and 3 share the other."""

SECTIONS = {"s1": "aaaa\naaaaa", "s2": "aaa\naa"}
"""Tickets 4 and 5 offer the seats of both or of the first."""

SHORT_MS, LONG_MS = 6, 900_000
"""Holds that run out while we play, and holds that do not."""

_PAST_MS, _FUTURE_MS = 1, 4_000_000_000_000

FAR = (_FUTURE_MS, _FUTURE_MS + 3_600_000)
"""Two slots that do not begin while we play. Ticket 6 offers places of slots."""

SOON, LAST_SOON = -1, -2
"""A slot that begins while we play, and the last such that was meant."""

# What is drawn must not depend on the clock, so a command names its reservation by how long ago it was taken, a payment
# says that it is right, and a publication by how much it is newer; Sales.resolve puts in what they are at that moment.
# `next` is a new reservation, the same for all commands that are played at once; with a digit it is yet another.
NEXT, RIGHT = "next", -1
FIRST_ATTEMPT, LAST_ATTEMPT = "its first", "its last"
_LATEST = {"last": 0, "last but one": 1, "last but two": 2, "last but three": 3, "last but four": 4}

events = st.sampled_from(EVENTS)
names = st.sampled_from(["last"] * 3 + ["last but one"] * 2 + [*_LATEST, NEXT])
attempt_ids = st.sampled_from(["pay-a", "pay-b", "pay-c"])
begun_ids = st.sampled_from([LAST_ATTEMPT, LAST_ATTEMPT, FIRST_ATTEMPT]) | attempt_ids
starts = st.sampled_from([*FAR] * 3 + [SOON, LAST_SOON, LAST_SOON, _PAST_MS])
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
    st.lists(
        st.tuples(ticket_ids, st.sampled_from([1, 1, 1, 2, 3])) | seat_items | timed_places, min_size=1, max_size=3
    ).map(no_seat_twice),
)
additions = st.builds(
    Add,
    names,
    events,
    customer_ids,
    st.just('{"first_name":"Islom"}'),
    st.tuples(ticket_ids, st.sampled_from([1, 1, 2, 3])) | seat_items | timed_places,
    st.sampled_from([0, 0, SHORT_MS]),
)
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
    window=st.sampled_from([(0, 0)] * 6 + [(_PAST_MS, _FUTURE_MS), (_FUTURE_MS, 0), (0, _PAST_MS)]),
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


Named: TypeAlias = ConfirmPayment | FailPayment | Refund | SettleRefund


def _renamed(command: Book | Hold, name: str) -> Book | Hold:
    """The command, about something new."""
    if isinstance(command, Book):
        return replace(command, booking_id=name)
    return replace(command, reservation_id=name)


def replace_terms(command: PutEvent, *, slot_capacity: int) -> PutEvent:
    """A newer publication with another slot capacity."""
    return replace(command, terms=replace(command.terms, slot_capacity=slot_capacity, version=1))


class Sales(RuleBasedStateMachine):
    """Commands of all kinds, alone and in batches, and time that passes."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.taken = 0
        self.booked: list[tuple[int, str]] = []
        self.soon_ms = FAR[0]
        world.begin()

    def step(self, *commands: Command[Any]) -> None:
        """Plays commands, at once if there are several. What is next for one of them is next for all."""
        self.taken += 1
        event_id = next((command.event_id for command in commands if isinstance(command, Hold | Add | Book)), EVENTS[0])
        self.world.step(*(self.resolve(command, event_id) for command in commands))

    def resolve(self, command: Command[Any], event_id: int) -> Command[Any]:
        """The command with the reservation, the amount and the version that it means."""
        if isinstance(command, PutEvent):
            published = self.world.model.terms.get(command.event_id)
            version = max(0, command.terms.version + (published.version if published else 0))
            return replace(command, terms=replace(command.terms, version=version))
        if isinstance(command, OnBooking):
            return self.resolve_booking(command, event_id)
        if isinstance(command, CountSlots):
            return replace(command, starts_ms=[self.start_ms(start) for start in command.starts_ms])
        if not isinstance(command, OnReservation):
            return command
        if isinstance(command, Hold | Add):
            event_id = command.event_id
        reservation_id = self.named(command.reservation_id, event_id)
        named = replace(command, reservation_id=reservation_id)
        if isinstance(named, Hold):
            items = [self.timed(item) for item in named.items]
            return replace(named, event_id=event_of(reservation_id), items=items)
        if isinstance(named, Add):
            return replace(named, event_id=event_of(reservation_id), item=self.timed(named.item))
        if isinstance(named, BeginPayment) and named.amount_minor == RIGHT:
            reservation = self.world.model.reservations.get(reservation_id)
            return replace(named, amount_minor=reservation.record().total_minor if reservation else 100)
        if isinstance(named, ConfirmPayment | FailPayment | SettleRefund):
            return replace(named, attempt_id=self.attempt(reservation_id, named.attempt_id))
        return named

    def resolve_booking(self, command: OnBooking[Any], event_id: int) -> Command[Any]:
        """The command with the booking and the start that it means; a new booking is of the event."""
        name = command.booking_id
        if name in _LATEST and self.booked:
            event_id, booking_id = self.booked[-1 - _LATEST[name] % len(self.booked)]
        else:
            booking_id = f"{name[-1] if name[-1].isdigit() else 0}0000000-0000-4000-8000-{self.taken:012}"
            if isinstance(command, Book):
                self.booked.append((event_id, booking_id))
        named = replace(command, event_id=event_id, booking_id=booking_id)
        if isinstance(named, Book | Move):
            return replace(named, start_ms=self.start_ms(named.start_ms))
        return named

    def start_ms(self, start: int) -> int:
        """The start that is meant."""
        if start == SOON:
            self.soon_ms = self.world.now_ms + SHORT_MS
        return self.soon_ms if start in (SOON, LAST_SOON) else start

    def timed(self, item: Any) -> Any:
        """The item, of the slot that is meant."""
        return replace(item, start_ms=self.start_ms(item.start_ms)) if isinstance(item, TimedPlaces) else item

    def named(self, name: str, event_id: int) -> str:
        """The reservation that is meant; one of the event if it is next."""
        known = list(self.world.model.reservations)
        if name in _LATEST and known:
            return known[-1 - _LATEST[name] % len(known)]
        digit = name[-1] if name[-1].isdigit() else "0"
        return f"{event_id}-reservation{self.taken:04}{digit}"

    def attempt(self, reservation_id: str, attempt_id: str) -> str:
        """The attempt that is meant."""
        reservation = self.world.model.reservations.get(reservation_id)
        if not reservation or not reservation.attempts:
            return "pay-a"
        which = {FIRST_ATTEMPT: 0, LAST_ATTEMPT: -1}.get(attempt_id)
        return attempt_id if which is None else reservation.attempts[which].attempt_id

    @initialize(capacity=capacities, hold_ms=st.sampled_from([SHORT_MS, LONG_MS]), unpublished=st.booleans())
    def opens(self, capacity: int, hold_ms: int, unpublished: bool) -> None:
        for event_id in EVENTS[: -1 if unpublished else None]:
            self.step(put_event(event_id, [capacity, 8 - capacity], hold_ms))

    @rule(command=holds)
    def takes(self, command: Hold) -> None:
        self.step(command)

    @rule(command=holds, others=st.lists(holds, max_size=5))
    def take_at_once(self, command: Hold, others: list[Hold]) -> None:
        self.step(command, *(replace(other, reservation_id=f"{NEXT}{n}") for n, other in enumerate(others, 1)))

    @rule(command=additions | removals)
    def changes_a_hold(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=additions, more=st.lists(additions | removals, max_size=4))
    def fills_a_cart(self, command: Add, more: list[Add | Remove]) -> None:
        self.step(replace(command, reservation_id=NEXT))
        for change in more:
            self.step(replace(change, reservation_id="last"))

    @rule(command=blocks)
    def blocks_seats(self, command: BlockSeats) -> None:
        self.step(command)

    @rule(command=bookings, others=st.lists(bookings | holds, max_size=3))
    def books_at_once(self, command: Book, others: list[Book | Hold]) -> None:
        news = [_renamed(other, f"{NEXT}{number}") for number, other in enumerate(others, 1)]
        self.step(command, *news)

    @rule(command=bookings, then=st.lists(moves | unbookings | booking_reads, min_size=1, max_size=4))
    def books_and_changes_it(self, command: Book, then: list[Move | Unbook | FindBooking | CountSlots]) -> None:
        self.step(replace(command, booking_id=NEXT))
        for more in then:
            self.step(more if isinstance(more, CountSlots) else replace(more, booking_id="last"))

    @rule(command=bookings, requests=st.lists(st.sampled_from(["one", "other"]), min_size=2, max_size=3))
    def books_and_deletes_it(self, command: Book, requests: list[str]) -> None:
        """Somebody deletes it, somebody else wants to, and the first asks again."""
        self.step(replace(command, booking_id=NEXT))
        for request_id in requests:
            self.step(Unbook(command.event_id, "last", request_id))

    @rule(command=moves | unbookings | booking_reads)
    def changes_a_booking(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(event_id=events, one_more=st.booleans(), details=st.sampled_from(["", '{"name":"Sen"}']))
    def swaps_two_full_slots(self, event_id: int, *, one_more: bool, details: str) -> None:
        """Two bookings of two full slots want each other's place at once; with one place more, one of them gets it."""
        for start_ms in FAR:
            free = self.world.model.counters(event_id, slot_pool(start_ms)).available if self.sells(event_id) else 0
            for _ in range(free):
                self.step(Book(event_id, NEXT, start_ms, "{}", "one"))
        there = [next((b for b in self.world.model.booked(event_id, slot_pool(start_ms))), None) for start_ms in FAR]
        if None in there:
            return
        if one_more:
            capacity = self.world.model.terms[event_id].slot_capacity + 1
            self.step(replace_terms(self.nothing_more(event_id), slot_capacity=capacity))
        self.world.step(
            *(
                Move(event_id, booking.booking_id, start_ms, details)
                for booking, start_ms in zip(there, reversed(FAR), strict=True)
                if booking
            )
        )

    def sells(self, event_id: int) -> bool:
        """Whether the event is there."""
        return event_id in self.world.model.terms

    @rule(command=purges, waits=st.booleans())
    def purges_what_is_past(self, command: PurgeOf, *, waits: bool) -> None:
        if waits:
            self.world.wait_past(2 * SHORT_MS)
        self.step(command)

    @rule(command=holds, start=st.just(SOON), quantity=st.integers(1, 2), restock=st.booleans())
    def buys_what_goes(self, command: Hold, start: int, quantity: int, *, restock: bool) -> None:
        """Places of a slot are paid for; it is purged, and they are refunded after that."""
        before = len(self.world.model.reservations)
        item = TimedPlaces(6, quantity, start)
        self.step(replace(command, reservation_id=NEXT, items=[item, (1, 1)]))
        if len(self.world.model.reservations) == before:
            return
        reservation_id = list(self.world.model.reservations)[-1]
        self.step(BeginPayment("last", "pay-slot", RIGHT, "one"))
        self.world.step(ConfirmPayment(reservation_id, "pay-slot"))
        self.world.wait_past(2 * SHORT_MS)
        for _ in range(3):
            self.step(PurgeOf(0, self.world.model.partition(command.event_id)))
        self.world.step(Refund(reservation_id, restock))

    @rule(command=st.builds(Cancel, names))
    def cancels(self, command: Cancel) -> None:
        self.step(command)

    @rule(command=beginnings)
    def begins_payment(self, command: BeginPayment) -> None:
        self.step(command)

    @rule(command=outcomes)
    def ends_payment(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=holds, attempt_id=attempt_ids, then=st.lists(outcomes | refunds, max_size=4))
    def takes_and_pays(self, command: Hold, attempt_id: str, then: list[Named]) -> None:
        self.step(command)
        self.step(BeginPayment("last", attempt_id, RIGHT, "one"))
        for more in then:
            self.step(replace(more, reservation_id="last"))

    @rule(
        command=holds, pinned=st.booleans(), cancelled=st.booleans(), scarce=st.booleans(), other=holds, more=outcomes
    )
    def money_comes_late(
        self,
        command: Hold,
        *,
        pinned: bool,
        cancelled: bool,
        scarce: bool,
        other: Hold,
        more: ConfirmPayment | FailPayment,
    ) -> None:
        """The places were given back, and perhaps taken by others, before the gateway took the money after all."""
        before = len(self.world.model.reservations)
        self.step(replace(command, reservation_id=NEXT))
        if len(self.world.model.reservations) == before:
            return
        reservation_id = list(self.world.model.reservations)[-1]
        self.step(BeginPayment("last", "pay-late", RIGHT, "one"))
        if pinned:
            self.world.wait_past(SHORT_MS)
        self.step(FailPayment("last", "pay-late", FailureReason.PAYMENT_FAILED))
        if cancelled:
            self.step(Cancel("last"))
        else:
            self.world.wait_past(SHORT_MS)
        self.step(replace(other, reservation_id=NEXT, event_id=command.event_id))
        if scarce:
            self.step(self.nothing_more(command.event_id))
        self.world.step(ConfirmPayment(reservation_id, "pay-late"))
        self.step(more)

    def nothing_more(self, event_id: int) -> PutEvent:
        """The event with no more places than are taken."""
        terms = replace(self.world.model.terms[event_id], version=0)
        return PutEvent(event_id, terms, [PoolCapacity(pool, self.taken_of(event_id, pool)) for pool in POOLS])

    def taken_of(self, event_id: int, pool: str) -> int:
        """Places of a pool that are not available."""
        model = self.world.model
        if (event_id, pool) not in model.capacities:
            return 0
        counters = model.counters(event_id, pool)
        return counters.capacity - counters.available

    @rule(command=refunds)
    def owes_or_gives_money_back(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=reads)
    def looks(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=publications)
    def publishes(self, command: PutEvent) -> None:
        self.step(command)

    @rule(
        commands=st.lists(
            holds
            | additions
            | removals
            | blocks
            | st.builds(Cancel, names)
            | beginnings
            | outcomes
            | refunds
            | reads
            | publications
            | sweeps
            | bookings
            | moves
            | unbookings
            | booking_reads
            | purges,
            min_size=2,
            max_size=6,
        )
    )
    def does_several_at_once(self, commands: list[Command[Any]]) -> None:
        self.step(*commands)

    @rule(name=names)
    def fails_often(self, name: str) -> None:
        """More attempts fail than are remembered."""
        reservation = self.world.model.reservations.get(self.named(name, EVENTS[0]))
        for number in range(ATTEMPTS_KEPT + 1):
            if reservation is None or reservation.state is not State.HELD:
                return
            attempt_id = f"pay-{number}"
            self.step(
                BeginPayment(name, attempt_id, RIGHT, "one"),
                FailPayment(name, attempt_id, FailureReason.CARD_DECLINED),
            )

    @rule(command=sweeps)
    def gives_back_what_is_due(self, command: SweepOf) -> None:
        self.step(command)

    @rule()
    def waits_past_deadlines(self) -> None:
        self.world.wait_past(SHORT_MS)

    @rule(command=holds)
    def waits_and_takes(self, command: Hold) -> None:
        self.world.wait_past(SHORT_MS)
        self.step(command)

    @rule(event_id=events, crowd=st.integers(2, 5), command=holds)
    def takes_what_a_crowd_left(self, event_id: int, crowd: int, command: Hold) -> None:
        """More holds ran out than one call gives back."""
        free = [self.taken_of(event_id, pool) + crowd for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, limit=100))
        crowded = replace(command, event_id=event_id, digest="one", items=[(1, 1)])
        self.step(*(replace(crowded, reservation_id=f"{NEXT}{number}") for number in range(crowd)))
        self.world.wait_past(SHORT_MS)
        self.step(replace(crowded, reservation_id=NEXT, items=[(1, crowd)]))

    @rule(name=names, restock=st.booleans(), attempt_id=attempt_ids)
    def refunds_what_redis_forgot(self, name: str, restock: bool, attempt_id: str) -> None:
        """The archive's time is over; Postgres has the record."""
        forgotten = self.named(name, EVENTS[0])
        record = self.world.forget(forgotten)
        self.world.step(Refund(forgotten, restock, record), Find(forgotten), ConfirmPayment(forgotten, attempt_id))
