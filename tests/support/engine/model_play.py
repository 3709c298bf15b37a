"""Random sales: how what was drawn is played against the world, and what all plays do."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from engine.commands.bookings import Book, CountSlots, Move, OnBooking
from engine.commands.command import Command, OnReservation
from engine.commands.events import PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Hold, Replace, Shorten
from engine.commands.items import ANY_TOTAL, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import SettleRefund
from engine.currencies import FIRST_CURRENCY
from engine.ids import event_of
from engine.stock import PoolCapacity
from engine.words import FailureReason
from tests.support.engine.model_vs_server import SweepOf, World
from tests.support.engine.reference_items import items_of
from tests.support.engine.strategies import (
    EVENTS,
    FAR,
    FIRST_ATTEMPT,
    ITS_OWN,
    LAST_ATTEMPT,
    LAST_SOON,
    LATEST,
    LONG_MS,
    NEXT,
    POOLS,
    RIGHT,
    SHORT_MS,
    SOON,
    SOONER,
    beginnings,
    capacities,
    names,
    outcomes,
    publications,
    put_event,
    refunds,
    sweeps,
)
from tests.support.engine.timed_slots import slot_of


class Play(RuleBasedStateMachine):
    """Commands, alone and in batches, and time that passes."""

    STEPS: ClassVar[int] = 60
    """Of a run. Each takes longer than the one before, because all that is stored is compared after it."""

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
            return self.resolve_publication(command)
        if isinstance(command, OnBooking):
            return self.resolve_booking(command, event_id)
        if isinstance(command, CountSlots):
            return replace(command, slots=[self.slot(int(start))[0] for start in command.slots])
        if not isinstance(command, OnReservation):
            return command
        if isinstance(command, Hold | Add | Replace):
            event_id = command.event_id
        reservation_id = self.named(command.reservation_id, event_id)
        named = replace(command, reservation_id=reservation_id)
        if isinstance(named, Hold | Replace):
            return self.resolve_items(named)
        if isinstance(named, Exchange | Add):
            return self.resolve_timed(named)
        if isinstance(named, BeginPayment) and named.amount_minor == RIGHT:
            reservation = self.world.model.reservations.get(reservation_id)
            return replace(named, amount_minor=reservation.record().total_minor if reservation else 100)
        if isinstance(named, Shorten) and named.deadline_ms == SOONER:
            reservation = self.world.model.reservations.get(reservation_id)
            return replace(named, deadline_ms=reservation.deadline_ms - 1 if reservation else 1)
        if isinstance(named, SettleRefund):
            attempt_id = self.attempt(reservation_id, named.attempt_id)
            return replace(named, attempt_id=attempt_id, refund_id=self.refund(reservation_id, attempt_id))
        if isinstance(named, ConfirmPayment | FailPayment | DisputePayment):
            return replace(named, attempt_id=self.attempt(reservation_id, named.attempt_id))
        return named

    def resolve_publication(self, command: PutEvent) -> PutEvent:
        """The command with the version and the currency that it means."""
        published = self.world.model.terms.get(command.event_id)
        version = max(0, command.terms.version + (published.version if published else 0))
        currency = command.terms.currency
        if currency == ITS_OWN:
            currency = published.currency if published else FIRST_CURRENCY
        return replace(command, terms=replace(command.terms, version=version, currency=currency))

    def resolve_timed(self, command: Exchange | Add) -> Exchange | Add:
        """The command with the slots that it means."""
        if isinstance(command, Exchange):
            return replace(command, items=items_text([self.timed(item) for item in items_of(command.items)]))
        return replace(command, event_id=event_of(command.reservation_id), item=self.timed(command.item))

    def resolve_items(self, command: Hold | Replace) -> Hold | Replace:
        """The command with the items that it means, for the customer of the reservation if that is meant."""
        event_id = event_of(command.reservation_id)
        items = items_text([self.timed(item) for item in items_of(command.items)])
        reservation = self.world.model.reservations.get(command.reservation_id)
        customer_id = reservation.customer_id if reservation and command.customer_id == ITS_OWN else command.customer_id
        return replace(command, event_id=event_id, customer_id=customer_id, items=items)

    def resolve_booking(self, command: OnBooking[Any], event_id: int) -> Command[Any]:
        """The command with the booking and the start that it means; a new booking is of the event."""
        name = command.booking_id
        if name in LATEST and self.booked:
            event_id, booking_id = self.booked[-1 - LATEST[name] % len(self.booked)]
        else:
            booking_id = f"{name[-1] if name[-1].isdigit() else 0}0000000-0000-4000-8000-{self.taken:012}"
            if isinstance(command, Book):
                self.booked.append((event_id, booking_id))
        named = replace(command, event_id=event_id, booking_id=booking_id)
        if isinstance(named, Move) and not named.start_ms:
            return self.made_from(named)
        if isinstance(named, Book | Move):
            slot, start_ms = self.slot(named.start_ms)
            named = replace(named, slot=slot, start_ms=start_ms)
        return self.made_from(named) if isinstance(named, Move) else named

    def made_from(self, command: Move) -> Move:
        """The change, made from the booking as it is now if that is meant."""
        booking = self.world.model.bookings.get((command.event_id, command.booking_id))
        if command.changed_ms != RIGHT:
            return command
        return replace(command, changed_ms=booking.changed_ms if booking else 0)

    def slot(self, start: int) -> tuple[str, int]:
        """The slot that is meant, and its start."""
        if start == SOON:
            self.soon_ms = self.world.now_ms + SHORT_MS
        start_ms = self.soon_ms if start in (SOON, LAST_SOON) else start
        return slot_of(start_ms), start_ms

    def timed(self, item: Any) -> Any:
        """The item, of the slot that is meant."""
        if not isinstance(item, TimedPlaces):
            return item
        slot, start_ms = self.slot(item.start_ms)
        return replace(item, slot=slot, start_ms=start_ms)

    def named(self, name: str, event_id: int) -> str:
        """The reservation that is meant; one of the event if it is next."""
        known = list(self.world.model.reservations)
        if name in LATEST and known:
            return known[-1 - LATEST[name] % len(known)]
        digit = name[-1] if name[-1].isdigit() else "0"
        return f"{event_id}-reservation{self.taken:04}{digit}"

    def attempt(self, reservation_id: str, attempt_id: str) -> str:
        """The attempt that is meant."""
        reservation = self.world.model.reservations.get(reservation_id)
        if not reservation or not reservation.attempts:
            return "pay-a"
        which = {FIRST_ATTEMPT: 0, LAST_ATTEMPT: -1}.get(attempt_id)
        return attempt_id if which is None else reservation.attempts[which].attempt_id

    def refund(self, reservation_id: str, attempt_id: str) -> str:
        """The last refund of an attempt."""
        reservation = self.world.model.reservations.get(reservation_id)
        attempt = reservation.attempt(attempt_id) if reservation else None
        return attempt.refunds[-1].refund_id if attempt and attempt.refunds else reservation_id

    def buys(self, command: Hold) -> bool:
        """Holds and pays; whether that was possible."""
        before = len(self.world.model.reservations)
        self.step(replace(command, reservation_id=NEXT, expected_minor=ANY_TOTAL))
        if len(self.world.model.reservations) == before:
            return False
        self.step(BeginPayment("last", "pay-first", RIGHT, "one"))
        self.step(ConfirmPayment("last", LAST_ATTEMPT))
        return True

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

    def sells(self, event_id: int) -> bool:
        """True if the event exists."""
        return event_id in self.world.model.terms

    def let_money_come_late(
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

    @initialize(capacity=capacities, hold_ms=st.sampled_from([SHORT_MS, LONG_MS]), unpublished=st.booleans())
    def opens(self, capacity: int, hold_ms: int, unpublished: bool) -> None:
        for event_id in EVENTS[: -1 if unpublished else None]:
            self.step(put_event(event_id, [capacity, 8 - capacity], hold_ms))

    @rule(command=st.builds(Cancel, names))
    def cancels(self, command: Cancel) -> None:
        self.step(command)

    @rule(command=beginnings)
    def begins_payment(self, command: BeginPayment) -> None:
        self.step(command)

    @rule(command=outcomes)
    def ends_payment(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=refunds)
    def owes_or_gives_money_back(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=publications)
    def publishes(self, command: PutEvent) -> None:
        self.step(command)

    @rule(command=sweeps)
    def gives_back_what_is_due(self, command: SweepOf) -> None:
        self.step(command)

    @rule()
    def waits_past_deadlines(self) -> None:
        self.world.wait_past(SHORT_MS)
