"""The rules of sale, stated a second time: a pure model, with no storage and no clock of its own.

It was written from the design, the contract over HTTP and the headers of `lua/`, not from their code. It keeps
reservations and bookings only: every counter is worked out from them (stock.py), so the model cannot lose stock
whatever it does. `call` is one unit of work on a partition at an instant that the caller knows. What is chosen for a
customer is in choosing.py, the rules of slots are in slots.py.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from engine import commands as c
from engine import results as r
from engine.commands import Command, OnReservation, items_text
from engine.facts import BookingFact, Fact
from engine.ids import event_of
from engine.records import Attempt, Line, PoolCapacity, Record, SectionSeats, Terms, TicketCounts
from engine.results import Result
from engine.slots import slot_start_ms
from engine.words import AttemptState, EventStatus, FactWord, State
from tests.integration.inventory.choosing import (
    Item,
    choose,
    item_refusal,
    items_of,
    joined_lines,
    places_of,
    pool_of,
    ticket_of,
    without_seats,
)
from tests.integration.inventory.reservation import Counters, Reservation
from tests.integration.inventory.slots import Slots
from tests.integration.inventory.stock import Stock

ATTEMPTS_KEPT = 8

_GIVEN_BACK = (State.EXPIRED, State.CANCELLED)

_NOT_CHANGEABLE: dict[State, Result] = {
    State.EXPIRED: r.Expired(),
    State.CANCELLED: r.AlreadyCancelled(),
    State.PAYING: r.PaymentInProgress(),
    State.PAID: r.AlreadyPaid(),
    State.REFUND_DUE: r.NotHeld(),
    State.REFUNDED: r.NotHeld(),
}


class Model(Stock):
    """What all partitions should have, and what they should answer."""

    def __init__(self, partitions: int, sweep_slice: int, booking_ms: int) -> None:
        super().__init__(partitions)
        self._sweep_slice = sweep_slice
        self._slots = Slots(self, booking_ms)
        self.facts: list[Fact] = []
        self.now_ms = 0
        self._given_back = 0
        self._backlog = False

    @property
    def booking_facts(self) -> list[BookingFact]:
        """Facts about bookings of the last call."""
        return self._slots.facts

    def forget(self, reservation_id: str) -> None:
        """The time for which an ended reservation is kept is over."""
        self.forgotten.append(self.reservations.pop(reservation_id))

    def call(self, partition: int, commands: Sequence[Command[Any]], now_ms: int) -> list[Result]:
        """Runs a batch at an instant; `facts` are those of this call."""
        self.now_ms, self.facts = now_ms, []
        due = self.due(partition, now_ms)[: self._sweep_slice]
        self._given_back, self._backlog = len(due), len(due) == self._sweep_slice
        self._slots.begin(partition, now_ms, backlog=self._backlog)
        for reservation in due:
            self._give_back(reservation, State.EXPIRED)
        for command in commands:
            if isinstance(command, OnReservation):
                named = self.reservations.get(command.reservation_id)
                if named and named.state is State.HELD and named.deadline_ms <= now_ms:
                    self._give_back(named, State.EXPIRED)
        results = [self._run(command) for command in commands]
        for reservation in self.reservations.values():
            if not reservation.unsettled():
                reservation.unsettled_since_ms = None
            elif reservation.unsettled_since_ms is None:
                reservation.unsettled_since_ms = now_ms
        return results

    def _run(self, command: Command[Any]) -> Result:
        match command:
            case c.PutEvent():
                return self._put_event(command)
            case c.Count(event_id):
                return self._count(event_id)
            case c.ReadSeatMap(event_id, pool):
                known = (event_id, pool) in self.manifests
                return r.SeatMap(self.now_ms, self.seat_map(event_id, pool)) if known else r.UnknownPool(0)
            case c.BlockSeats():
                return self._block_seats(command)
            case c.Add():
                return self._add(command)
            case c.Sweep():
                return r.Swept(self._given_back, self._backlog)
            case c.Hold():
                return self._hold(command)
            case c.Refund():
                return self._refund(command)
            case c.OnBooking() | c.CountSlots():
                return self._slots.run(command, self._sale_refusal)
            case c.PurgeSlots(skip):
                return self._slots.purge(skip, self._sweep_slice)
            case OnReservation(reservation_id):
                reservation = self.reservations.get(reservation_id)
                return self._on(reservation, command) if reservation else r.NotFound()
        raise AssertionError(command)

    def _on(self, reservation: Reservation, command: Command[Any]) -> Result:
        match command:
            case c.Find():
                return r.Found(self.now_ms, False, reservation.record())
            case c.Cancel():
                return self._cancel(reservation)
            case c.Remove():
                return self._remove(reservation, command)
            case c.BeginPayment():
                return self._begin_payment(reservation, command)
            case c.ConfirmPayment(_, attempt_id) | c.FailPayment(_, attempt_id) | c.SettleRefund(_, attempt_id):
                attempt = reservation.attempt(attempt_id)
                return self._on_attempt(reservation, attempt, command) if attempt else r.UnknownAttempt()
        raise AssertionError(command)

    def _on_attempt(self, reservation: Reservation, attempt: Attempt, command: Command[Any]) -> Result:
        match command:
            case c.ConfirmPayment():
                return self._confirm_payment(reservation, attempt)
            case c.FailPayment():
                return self._fail_payment(reservation, attempt, command)
        return self._settle_refund(reservation, attempt)

    def _fact(self, word: FactWord, reservation: Reservation) -> None:
        self.facts.append(Fact(word, reservation.reservation_id, self.now_ms, reservation.record()))

    def _enter(self, reservation: Reservation, state: State) -> None:
        reservation.state = state
        reservation.ended_ms = 0 if state in (State.HELD, State.PAYING) else self.now_ms

    def _give_back(self, reservation: Reservation, state: State) -> None:
        self._enter(reservation, state)
        self._fact(FactWord(state), reservation)

    def _short(self, event_id: int, lines: Sequence[Line]) -> tuple[Line, int] | None:
        """The first line that is not to be had, and what its pool has."""
        for number, line in enumerate(lines):
            available = self.counters(event_id, line.pool).available
            if sum(other.quantity for other in lines[: number + 1] if other.pool == line.pool) > available:
                return line, available
            if line.seats and any(self.seat_map(event_id, line.pool)[seat - 1] != "a" for seat in line.seats):
                return line, available
        return None

    def _take_slots(self, reservation: Reservation) -> None:
        for pool in reservation.slots():
            self.take_slot(reservation.event_id, pool, self._slots.until_ms(pool))

    def _put_event(self, command: c.PutEvent) -> Result:
        event_id = command.event_id
        before = self.terms.get(event_id)
        if before and command.terms.version < before.version:
            return r.Published()
        slots = self._slots.later(event_id) if before and before.slot_capacity != command.terms.slot_capacity else []
        slot_capacities = [PoolCapacity(pool, command.terms.slot_capacity) for pool in slots]
        for pool, capacity in self._capacities([*command.pools, *slot_capacities]):
            if (event_id, pool) in self.capacities or pool in slots:
                now = self.counters(event_id, pool)
                if capacity < now.capacity - now.available:
                    return r.BelowTaken(pool, capacity, now.capacity - now.available)
        for pool, capacity in self._capacities(command.pools):
            self.capacities[event_id, pool] = capacity
        for pool in slots:
            self.slots[event_id, pool].capacity = command.terms.slot_capacity
        for section in command.sections:
            if (event_id, section.pool) not in self.manifests:
                self.manifests[event_id, section.pool] = section.text
                self.blocked[event_id, section.pool] = set()
        self.terms[event_id] = command.terms
        return r.Published()

    @staticmethod
    def _capacities(pools: Sequence[PoolCapacity]) -> list[tuple[str, int]]:
        return [(wanted.pool, wanted.capacity) for wanted in pools]

    def _count(self, event_id: int) -> Result:
        terms = self.terms.get(event_id)
        if terms is None:
            return r.UnknownPool(0)
        tickets = sorted(terms.tickets, key=lambda ticket: ticket.ticket_id)
        return r.Counts(
            self.now_ms,
            [
                TicketCounts(
                    ticket.ticket_id,
                    *map(
                        sum,
                        zip(Counters(0, 0, 0, 0, 0), *(self.counters(event_id, p) for p in ticket.pools), strict=True),
                    ),
                )
                for ticket in tickets
            ],
        )

    def _sale_refusal(self, terms: Terms) -> Result | None:
        if terms.status is EventStatus.DRAFT:
            return r.NotOnSaleYet(0)
        if terms.status is not EventStatus.ON_SALE or 0 < terms.closes_ms <= self.now_ms:
            return r.SaleClosed()
        return r.NotOnSaleYet(terms.opens_ms) if self.now_ms < terms.opens_ms else None

    def _hold(self, command: c.Hold) -> Result:
        before = self.reservations.get(command.reservation_id)
        if before:
            return r.Held(self.now_ms, True, before.record()) if before.digest == command.digest else r.KeyReused()
        terms = self.terms.get(command.event_id)
        if terms is None:
            return r.UnknownPool(0)
        refusal = self._sale_refusal(terms)
        if refusal:
            return refusal
        items = items_of(command.items)
        unknown = item_refusal(terms, items, self.now_ms)
        if unknown:
            return unknown
        taken = self.customer_places(command.event_id, command.customer_id)
        if taken + sum(places_of(item) for item in items) > terms.max_per_customer:
            return r.Again() if self._backlog else r.LimitExceeded(terms.max_per_customer, taken)
        lines = choose(self, command.event_id, terms, items)
        if isinstance(lines, Result):
            return r.Again() if self._backlog else lines
        short = self._short(command.event_id, lines)
        if short:
            return r.Again() if self._backlog else r.SoldOut(short[0].ticket_id, short[1], 0)
        reservation = Reservation(
            reservation_id=command.reservation_id,
            event_id=command.event_id,
            customer_id=command.customer_id,
            details=command.details,
            digest=command.digest,
            created_ms=self.now_ms,
            deadline_ms=self.now_ms + min(command.hold_ms or terms.hold_ms, terms.hold_ms),
            lines=lines,
        )
        assert event_of(reservation.reservation_id) == reservation.event_id
        self.reservations[reservation.reservation_id] = reservation
        self._take_slots(reservation)
        self._fact(FactWord.HELD, reservation)
        return r.Held(self.now_ms, False, reservation.record())

    def _block_seats(self, command: c.BlockSeats) -> Result:
        gone, changes = [], []
        for section in command.sections:
            key = (command.event_id, section.pool)
            if key not in self.manifests:
                return r.UnknownPool(0)
            seat_map = self.seat_map(*key)
            taken = [seat for seat in section.seats if seat_map[seat - 1] not in "ab"]
            if taken:
                gone.append(SectionSeats(section.pool, taken))
            changes.append((key, section.seats))
        if gone:
            return r.Again() if self._backlog else r.SeatTaken(gone)
        for key, seats in changes:
            self.blocked[key] = self.blocked[key] | set(seats) if command.blocked else self.blocked[key] - set(seats)
        return r.Published()

    def _add(self, command: c.Add) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None:
            return self._hold(
                c.Hold(
                    command.reservation_id,
                    command.event_id,
                    command.customer_id,
                    command.details,
                    "",
                    items_text([command.item]),
                    command.hold_ms,
                )
            )
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
        terms = self.terms[reservation.event_id]
        refusal = self._sale_refusal(terms) or item_refusal(terms, [command.item], self.now_ms)
        if refusal:
            return refusal
        return self._add_to(reservation, terms, command.item)

    def _add_to(self, reservation: Reservation, terms: Terms, item: Item) -> Result:
        event_id, before = reservation.event_id, reservation.record()
        ticket = next(ticket for ticket in terms.tickets if ticket.ticket_id == ticket_of(item))
        taken = self.customer_places(event_id, reservation.customer_id)
        if not isinstance(item, c.NamedSeats | c.BestSeats):
            pool = pool_of(ticket, item)
            same = [line for line in before.lines if (line.ticket_id, line.pool) == (ticket.ticket_id, pool)]
            rest = [line for line in before.lines if line not in same]
            lines = [*rest, Line(ticket.ticket_id, pool, places_of(item), ticket.unit_minor)]
            gained = max(0, places_of(item) - sum(line.quantity for line in same))
            if gained and taken + gained > terms.max_per_customer:
                return r.Again() if self._backlog else r.LimitExceeded(terms.max_per_customer, taken)
            available = self.counters(event_id, pool).available
            if gained > available:
                return r.Again() if self._backlog else r.SoldOut(ticket.ticket_id, available, 0)
        else:
            asked = item
            if isinstance(item, c.NamedSeats):
                mine = {seat for line in before.lines if line.pool == item.pool for seat in line.seats}
                new = [seat for seat in item.seats if seat not in mine]
                asked = c.NamedSeats(item.ticket_id, len(new), item.pool, new)
            more = choose(self, event_id, terms, [asked])
            if isinstance(more, Result):
                return r.Again() if self._backlog else more
            gained = sum(line.quantity for line in more)
            if gained and taken + gained > terms.max_per_customer:
                return r.Again() if self._backlog else r.LimitExceeded(terms.max_per_customer, taken)
            lines = list(before.lines)
            if isinstance(item, c.NamedSeats):
                lines = without_seats(lines, item.pool, item.seats)
                more = [Line(item.ticket_id, item.pool, len(item.seats), ticket.unit_minor, item.seats)]
            lines = joined_lines(lines, more)
        after = replace(before, lines=lines)
        if not gained and after.places == before.places and after.total_minor == before.total_minor:
            return r.Held(self.now_ms, True, before)
        reservation.lines = lines
        self._take_slots(reservation)
        self._fact(FactWord.CHANGED, reservation)
        return r.Held(self.now_ms, False, reservation.record())

    def _remove(self, reservation: Reservation, command: c.Remove) -> Result:
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
        mine = {seat for line in reservation.lines if line.pool == command.pool for seat in line.seats}
        if not mine.issuperset(command.seats):
            return r.NotHeld()
        reservation.lines = without_seats(reservation.lines, command.pool, command.seats)
        self._fact(FactWord.CHANGED, reservation)
        return r.Held(self.now_ms, False, reservation.record())

    def _cancel(self, reservation: Reservation) -> Result:
        match reservation.state:
            case State.HELD:
                self._give_back(reservation, State.CANCELLED)
                return r.Cancelled(self.now_ms, False, reservation.record())
            case State.CANCELLED:
                return r.Cancelled(self.now_ms, True, reservation.record())
            case State.EXPIRED:
                return r.Expired()
            case State.PAYING:
                return r.PaymentInProgress()
            case State.PAID | State.REFUND_DUE:
                return r.AlreadyPaid()
            case State.REFUNDED:
                return r.NotHeld()

    def _begin_payment(self, reservation: Reservation, command: c.BeginPayment) -> Result:
        before = reservation.attempt(command.attempt_id)
        if before:
            return self._attempt_again(reservation, before, command.digest)
        match reservation.state:
            case State.EXPIRED:
                return r.Expired()
            case State.CANCELLED:
                return r.AlreadyCancelled()
            case State.REFUND_DUE | State.REFUNDED:
                return r.NotHeld()
        total_minor = reservation.record().total_minor
        if command.amount_minor != total_minor:
            return r.AmountMismatch(total_minor)
        if reservation.state is State.PAID:
            return r.Paid(self.now_ms, True, reservation.record())
        if reservation.state is State.PAYING:
            return r.PaymentInProgress()
        attempt = Attempt(
            command.attempt_id, AttemptState.PENDING, command.amount_minor, self.now_ms, 0, "", command.digest
        )
        reservation.attempts = [*reservation.attempts, attempt][-ATTEMPTS_KEPT:]
        self._enter(reservation, State.PAYING)
        self._fact(FactWord.PAYING, reservation)
        return r.Paying(self.now_ms, False, reservation.record())

    def _attempt_again(self, reservation: Reservation, attempt: Attempt, digest: str) -> Result:
        if attempt.digest != digest:
            return r.KeyReused()
        if attempt.state is AttemptState.FAILED:
            return r.PaymentFailed(self.now_ms, True, reservation.record())
        if attempt.state is AttemptState.PENDING:
            return r.Paying(self.now_ms, True, reservation.record())
        if attempt.reason == "late":
            return r.RefundDue(self.now_ms, True, reservation.record())
        return r.Paid(self.now_ms, True, reservation.record())

    def _confirm_payment(self, reservation: Reservation, attempt: Attempt) -> Result:
        if attempt.state is AttemptState.COMPLETED:
            return r.Paid(self.now_ms, True, reservation.record())
        if attempt.state in (AttemptState.REFUND_DUE, AttemptState.REFUNDED):
            return r.RefundDue(self.now_ms, True, reservation.record())
        given_back = reservation.state in _GIVEN_BACK
        begun = any((slot_start_ms(pool) or 0) <= self.now_ms for pool in reservation.slots())
        to_be_had = given_back and not begun and self._short(reservation.event_id, reservation.lines) is None
        if reservation.state in (State.HELD, State.PAYING) or to_be_had:
            reservation.settle(attempt, AttemptState.COMPLETED, self.now_ms)
            self._enter(reservation, State.PAID)
            self._take_slots(reservation)
            reservation.visits = {pool: self._slots.until_ms(pool) for pool in reservation.slots()}
            self._fact(FactWord.PAID, reservation)
            return r.Paid(self.now_ms, False, reservation.record())
        reservation.settle(attempt, AttemptState.REFUND_DUE, self.now_ms, "late")
        if given_back:
            self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return r.RefundDue(self.now_ms, False, reservation.record())

    def _fail_payment(self, reservation: Reservation, attempt: Attempt, command: c.FailPayment) -> Result:
        if attempt.state is AttemptState.FAILED:
            return r.PaymentFailed(self.now_ms, True, reservation.record())
        if attempt.state is not AttemptState.PENDING:
            return r.PaymentSettled()
        reservation.settle(attempt, AttemptState.FAILED, self.now_ms, command.reason)
        if reservation.state is State.PAYING:
            self._enter(reservation, State.HELD)
        self._fact(FactWord.PAYMENT_FAILED, reservation)
        if reservation.state is State.HELD and reservation.deadline_ms <= self.now_ms:
            self._give_back(reservation, State.EXPIRED)
        elif reservation.state is State.HELD and command.give_back:
            self._give_back(reservation, State.CANCELLED)
        return r.PaymentFailed(self.now_ms, False, reservation.record())

    def _refund(self, command: c.Refund) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None and command.archived:
            return self._refund_archived(command, command.archived)
        if reservation is None:
            return r.NotFound()
        return self._refund_known(reservation, command.restock)

    def _refund_archived(self, command: c.Refund, archived: Record) -> Result:
        if archived.state is State.REFUNDED:
            return r.Refunded(self.now_ms, True, archived)
        if archived.state is not State.PAID:
            return r.NotPaid(archived.state)
        reservation = next(old for old in self.forgotten if old.record() == archived)
        self.forgotten.remove(reservation)
        self.reservations[command.reservation_id] = reservation
        return self._refund_known(reservation, command.restock)

    def _refund_known(self, reservation: Reservation, restock: bool) -> Result:
        if reservation.state is State.REFUND_DUE:
            return r.RefundDue(self.now_ms, True, reservation.record())
        if reservation.state is State.REFUNDED:
            return r.Refunded(self.now_ms, True, reservation.record())
        if reservation.state is not State.PAID:
            return r.NotPaid(reservation.state)
        for attempt in list(reservation.attempts):
            if attempt.state is AttemptState.COMPLETED:
                reservation.settle(attempt, AttemptState.REFUND_DUE, None, "" if restock else "kept")
        reservation.kept_as_sold = not restock
        reservation.visits = {}
        self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return r.RefundDue(self.now_ms, False, reservation.record())

    def _settle_refund(self, reservation: Reservation, attempt: Attempt) -> Result:
        if attempt.state is AttemptState.REFUNDED:
            return r.Refunded(self.now_ms, True, reservation.record())
        if attempt.state is not AttemptState.REFUND_DUE:
            return r.NotPaid(attempt.state)
        reservation.settle(attempt, AttemptState.REFUNDED, self.now_ms, attempt.reason)
        still_due = any(other.state is AttemptState.REFUND_DUE for other in reservation.attempts)
        if reservation.state is State.REFUND_DUE and not still_due:
            self._enter(reservation, State.REFUNDED)
        self._fact(FactWord.REFUNDED, reservation)
        return r.Refunded(self.now_ms, False, reservation.record())
