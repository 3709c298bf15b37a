"""Random sales of timed events."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from engine.commands.bookings import Book, CountSlots, FindBooking, Move, Unbook
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Hold
from engine.commands.items import ANY_TOTAL, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund
from engine.slots import slot_pool
from tests.support.engine.model_play import Play
from tests.support.engine.model_vs_server import PurgeOf
from tests.support.engine.strategies import (
    FAR,
    NEXT,
    RIGHT,
    SHORT_MS,
    SOON,
    beginnings,
    booking_reads,
    bookings,
    events,
    holds,
    moves,
    names,
    outcomes,
    publications,
    purges,
    refunds,
    timed_additions,
    timed_exchanges,
    timed_holds,
    unbookings,
)
from tests.support.engine.timed_slots import slot_of


def _renamed(command: Book | Hold, name: str) -> Book | Hold:
    """The command, about something new."""
    if isinstance(command, Book):
        return replace(command, booking_id=name)
    return replace(command, reservation_id=name)


def replace_terms(command: PutEvent, *, slot_capacity: int) -> PutEvent:
    """A newer publication with another slot capacity."""
    schedule = replace(command.terms.schedule, capacity=slot_capacity)
    return replace(command, terms=replace(command.terms, schedule=schedule, version=1))


class SlotSales(Play):
    """Slots are booked, held and paid for, and go when they are past."""

    @rule(command=bookings, others=st.lists(bookings | timed_holds, max_size=3))
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

    @rule(event_id=events, phone=st.sampled_from(["933", ""]), customer_id=st.sampled_from(["u", ""]))
    def books_more_than_one_may(self, event_id: int, phone: str, customer_id: str) -> None:
        """One phone number, or one customer, wants all places of two slots and one more."""
        for number in range(5):
            self.step(Book(event_id, NEXT, "", FAR[number % 2], "{}", "one", phone, customer_id))

    @rule(command=moves | unbookings | booking_reads)
    def changes_a_booking(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(event_id=events, one_more=st.booleans(), details=st.sampled_from(["", '{"name":"Sen"}']))
    def swaps_two_full_slots(self, event_id: int, *, one_more: bool, details: str) -> None:
        """Two bookings of two full slots want each other's place at once; with one place more, one of them gets it."""
        for start_ms in FAR:
            free = (
                self.world.model.counters(event_id, slot_pool(slot_of(start_ms))).available
                if self.sells(event_id)
                else 0
            )
            for _ in range(free):
                self.step(Book(event_id, NEXT, "", start_ms, "{}", "one"))
        there = [
            next((b for b in self.world.model.booked(event_id, slot_pool(slot_of(start_ms)))), None) for start_ms in FAR
        ]
        if None in there:
            return
        if one_more:
            capacity = self.world.model.terms[event_id].schedule.capacity + 1
            self.step(replace_terms(self.nothing_more(event_id), slot_capacity=capacity))
        self.world.step(
            *(
                Move(event_id, booking.booking_id, slot_of(start_ms), start_ms, details)
                for booking, start_ms in zip(there, reversed(FAR), strict=True)
                if booking
            )
        )

    @rule(command=purges, waits=st.booleans())
    def purges_what_is_past(self, command: PurgeOf, *, waits: bool) -> None:
        if waits:
            self.world.wait_past(2 * SHORT_MS)
        self.step(command)

    @rule(
        command=holds,
        quantity=st.integers(1, 2),
        then=st.sampled_from(["held", "paying", "paid", "paid"]),
        restock=st.booleans(),
    )
    def takes_what_goes(self, command: Hold, quantity: int, then: str, *, restock: bool) -> None:
        """Places of a slot are held, pinned or paid for when it is past and purged; they are refunded after that."""
        before = len(self.world.model.reservations)
        self.step(replace(command, reservation_id=NEXT, items=items_text([TimedPlaces(6, quantity, "", SOON), (1, 1)])))
        if len(self.world.model.reservations) == before:
            return
        reservation_id = list(self.world.model.reservations)[-1]
        if then != "held":
            self.step(BeginPayment("last", "pay-slot", RIGHT, "one"))
        if then == "paid":
            self.world.step(ConfirmPayment(reservation_id, "pay-slot"))
        self.purges_all(command.event_id)
        self.world.step(ConfirmPayment(reservation_id, "pay-slot"), Refund(reservation_id, restock))

    @rule(command=bookings, change=moves | unbookings)
    def books_what_goes(self, command: Book, change: Move | Unbook) -> None:
        """A booking expires, cannot be changed from then on, and goes."""
        self.step(replace(command, booking_id=NEXT, start_ms=SOON))
        self.world.wait_past(2 * SHORT_MS)
        self.step(replace(change, booking_id="last"))
        self.purges_all(command.event_id)

    @rule(event_id=events, phone=st.sampled_from(["933", ""]), holds_next=st.booleans())
    def has_more_once_something_expired(self, event_id: int, phone: str, *, holds_next: bool) -> None:
        """Bookings up to the limit expire, and nothing purges them before more is wanted."""
        for start_ms in (SOON, SOON, SOON, FAR[0]):
            self.step(Book(event_id, NEXT, "", start_ms, "{}", "one", phone, "u"))
        self.world.wait_past(2 * SHORT_MS)
        if holds_next:
            self.step(Hold(NEXT, event_id, "u", "{}", "one", items_text([TimedPlaces(6, 1, "", FAR[1])])))
        for start_ms in FAR:
            self.step(Book(event_id, NEXT, "", start_ms, "{}", "one", phone, "u"))

    def purges_all(self, event_id: int) -> None:
        """Past slots of the event's partition are purged."""
        self.world.wait_past(2 * SHORT_MS)
        for _ in range(3):
            self.step(PurgeOf(0, self.world.model.partition(event_id)))

    @rule(
        command=timed_holds,
        more=outcomes,
        other=timed_holds,
        how=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    )
    def money_comes_late(
        self, command: Hold, more: ConfirmPayment | FailPayment, other: Hold, how: tuple[bool, bool, bool]
    ) -> None:
        pinned, cancelled, scarce = how
        self.let_money_come_late(command, pinned=pinned, cancelled=cancelled, scarce=scarce, other=other, more=more)

    @rule(
        command=holds,
        had=st.sampled_from([FAR[0], SOON]),
        wishes=st.lists(timed_exchanges, min_size=1, max_size=2),
        then=st.lists(outcomes | refunds, max_size=3),
        purges_before=st.booleans(),
    )
    def exchanges_slots(
        self,
        command: Hold,
        had: int,
        wishes: list[Exchange],
        then: list[Command[Any]],
        *,
        purges_before: bool,
    ) -> None:
        """A visit moves to another slot; one of both may begin and go before the money comes."""
        if not self.buys(replace(command, items=items_text([TimedPlaces(6, 1, "", had)]))):
            return
        for wish in wishes:
            self.step(replace(wish, reservation_id="last", digest="one", expected_minor=ANY_TOTAL))
            if purges_before:
                self.purges_all(command.event_id)
            for more in then:
                self.step(replace(more, reservation_id="last"))
        self.purges_all(command.event_id)

    @rule(command=timed_holds)
    def takes(self, command: Hold) -> None:
        self.step(command)

    @rule(command=timed_additions)
    def changes_a_hold(self, command: Add) -> None:
        self.step(command)

    @rule(
        commands=st.lists(
            timed_holds
            | timed_additions
            | st.builds(Cancel, names)
            | beginnings
            | outcomes
            | refunds
            | timed_exchanges
            | publications
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
