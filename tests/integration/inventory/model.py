"""The rules of sale, stated a second time: a pure model, with no storage and no clock of its own.

It was written from the design, the contract over HTTP and the headers of `lua/`, not from their code. It keeps
reservations only: every counter is worked out from them, so the model cannot lose stock whatever it does. `call` is one
unit of work on a partition at an instant that the caller knows.
"""

from collections.abc import Sequence
from typing import Any

from engine import commands as c
from engine import results as r
from engine.commands import Command, OnReservation
from engine.facts import Fact
from engine.ids import event_of
from engine.records import Attempt, Line, PoolCapacity, Record, Terms, TicketCounts
from engine.results import Result
from engine.words import AttemptState, EventStatus, FactWord, State
from tests.integration.inventory.reservation import Counters, Reservation

ATTEMPTS_KEPT = 8

_GIVEN_BACK = (State.EXPIRED, State.CANCELLED)
_HAVING_PLACES = (State.HELD, State.PAYING, State.PAID)


class Model:
    """What all partitions should have, and what they should answer."""

    def __init__(self, partitions: int, sweep_slice: int) -> None:
        self._partitions = partitions
        self._sweep_slice = sweep_slice
        self.terms: dict[int, Terms] = {}
        self.capacities: dict[tuple[int, str], int] = {}
        self.reservations: dict[str, Reservation] = {}
        self.forgotten: list[Reservation] = []
        self.facts: list[Fact] = []
        self.now_ms = 0
        self._given_back = 0
        self._backlog = False

    # What there is

    def partition(self, event_id: int) -> int:
        """Where an event's inventory is."""
        return event_id % self._partitions

    def everything(self) -> list[Reservation]:
        """All reservations, also those that Redis no longer keeps."""
        return [*self.reservations.values(), *self.forgotten]

    def counters(self, event_id: int, pool: str) -> Counters:
        """A pool's counters, from the reservations."""
        places = {State.HELD: 0, State.PAYING: 0, State.PAID: 0}
        for reservation in self.everything():
            if reservation.event_id == event_id:
                state = State.PAID if reservation.kept_as_sold else reservation.state
                if state in places:
                    places[state] += reservation.places(pool)
        capacity = self.capacities[event_id, pool]
        return Counters(capacity, capacity - sum(places.values()), *places.values())

    def customer_places(self, event_id: int, customer_id: str) -> int:
        """Places that a customer holds, pays for or has bought."""
        return sum(
            reservation.places()
            for reservation in self.everything()
            if (reservation.event_id, reservation.customer_id) == (event_id, customer_id)
            and reservation.state in _HAVING_PLACES
        )

    def due(self, partition: int, now_ms: int) -> list[Reservation]:
        """Holds of a partition that ran out, oldest first."""
        return sorted(
            (
                reservation
                for reservation in self.reservations.values()
                if self.partition(reservation.event_id) == partition
                and reservation.state is State.HELD
                and reservation.deadline_ms <= now_ms
            ),
            key=lambda reservation: (reservation.deadline_ms, reservation.reservation_id),
        )

    # What happens

    def forget(self, reservation_id: str) -> None:
        """The time for which an ended reservation is kept is over."""
        self.forgotten.append(self.reservations.pop(reservation_id))

    def call(self, partition: int, commands: Sequence[Command[Any]], now_ms: int) -> list[Result]:
        """Runs a batch at an instant; `facts` are those of this call."""
        self.now_ms, self.facts = now_ms, []
        due = self.due(partition, now_ms)[: self._sweep_slice]
        self._given_back, self._backlog = len(due), len(due) == self._sweep_slice
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
            case c.Sweep():
                return r.Swept(self._given_back, self._backlog)
            case c.Hold():
                return self._hold(command)
            case c.Refund():
                return self._refund(command)
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
                return self._fail_payment(reservation, attempt, command.reason)
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
        return None

    def _put_event(self, command: c.PutEvent) -> Result:
        event_id = command.event_id
        before = self.terms.get(event_id)
        if before and command.terms.version < before.version:
            return r.Published()
        for pool, capacity in self._capacities(command.pools):
            if (event_id, pool) in self.capacities:
                now = self.counters(event_id, pool)
                if capacity < now.capacity - now.available:
                    return r.BelowTaken(pool, capacity, now.capacity - now.available)
        for pool, capacity in self._capacities(command.pools):
            self.capacities[event_id, pool] = capacity
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
            [TicketCounts(ticket.ticket_id, *self.counters(event_id, ticket.pool)) for ticket in tickets],
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
        tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
        for ticket_id, _ in command.items:
            if ticket_id not in tickets:
                return r.UnknownPool(ticket_id)
        lines = [Line(i, tickets[i].pool, quantity, tickets[i].unit_minor) for i, quantity in command.items]
        taken = self.customer_places(command.event_id, command.customer_id)
        if taken + sum(line.quantity for line in lines) > terms.max_per_customer:
            return r.Again() if self._backlog else r.LimitExceeded(terms.max_per_customer, taken)
        short = self._short(command.event_id, lines)
        if short:
            return r.Again() if self._backlog else r.SoldOut(short[0].ticket_id, short[1])
        reservation = Reservation(
            reservation_id=command.reservation_id,
            event_id=command.event_id,
            customer_id=command.customer_id,
            details=command.details,
            digest=command.digest,
            created_ms=self.now_ms,
            deadline_ms=self.now_ms + terms.hold_ms,
            lines=lines,
        )
        assert event_of(reservation.reservation_id) == reservation.event_id
        self.reservations[reservation.reservation_id] = reservation
        self._fact(FactWord.HELD, reservation)
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
        to_be_had = given_back and self._short(reservation.event_id, reservation.lines) is None
        if reservation.state in (State.HELD, State.PAYING) or to_be_had:
            reservation.settle(attempt, AttemptState.COMPLETED, self.now_ms)
            self._enter(reservation, State.PAID)
            self._fact(FactWord.PAID, reservation)
            return r.Paid(self.now_ms, False, reservation.record())
        reservation.settle(attempt, AttemptState.REFUND_DUE, self.now_ms, "late")
        if given_back:
            self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return r.RefundDue(self.now_ms, False, reservation.record())

    def _fail_payment(self, reservation: Reservation, attempt: Attempt, reason: str) -> Result:
        if attempt.state is AttemptState.FAILED:
            return r.PaymentFailed(self.now_ms, True, reservation.record())
        if attempt.state is not AttemptState.PENDING:
            return r.PaymentSettled()
        reservation.settle(attempt, AttemptState.FAILED, self.now_ms, reason)
        if reservation.state is State.PAYING:
            self._enter(reservation, State.HELD)
        self._fact(FactWord.PAYMENT_FAILED, reservation)
        if reservation.state is State.HELD and reservation.deadline_ms <= self.now_ms:
            self._give_back(reservation, State.EXPIRED)
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
                reservation.settle(attempt, AttemptState.REFUND_DUE, None)
        reservation.kept_as_sold = not restock
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
