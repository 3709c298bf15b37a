"""The rules of sale, stated a second time: a pure model, with no storage and no clock of its own.

It was written from the design, the contract over HTTP and the headers of `lua/`, not from their code. It keeps
reservations and bookings only: every counter is worked out from them (reference_stock.py), so the model cannot lose
stock whatever it does. `call` is one unit of work on a partition at an instant that the caller knows. The rules of each
subject have a file beside this one.
"""

from collections.abc import Sequence
from typing import Any

from engine.commands.bookings import CountSlots, OnBooking, PurgeSlots
from engine.commands.codes import PutCodes
from engine.commands.command import Command, OnReservation
from engine.commands.events import Count, EndEvent, PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Claim, Hold, Remove, RemovePlaces, Replace, Shorten, Sweep
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.commands.reservations import Erase, Find
from engine.commands.seats import BlockSeats, CountSections, ReadSeatMap
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.records import Attempt
from engine.results.holds import Swept
from engine.results.payments import UnknownAttempt
from engine.results.refunds import NotPaid, Restocked
from engine.results.reservations import AlreadyPaid, Found, NotFound, PaymentInProgress
from engine.results.result import OnRecord, Result
from engine.words import State, WaitingState
from tests.support.engine.reference_catalogue import Catalogue
from tests.support.engine.reference_hold_changes import HoldChanges
from tests.support.engine.reference_payments import Payments
from tests.support.engine.reference_refunds import Refunds
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_waiting import WaitingCommand


class Model(Catalogue, HoldChanges, Payments, Refunds):
    """The expected state of all partitions, and their expected answers."""

    def call(self, partition: int, commands: Sequence[Command[Any]], now_ms: int) -> list[Result]:
        """Runs a batch at an instant; `facts` are those of this call."""
        self.now_ms, self.facts = now_ms, []
        due = self.due(partition, now_ms)[: self._sweep_slice]
        self._given_back = len(due)
        self._slots.begin(partition, now_ms, backlog=len(due) == self._sweep_slice)
        self.lines.begin(now_ms)
        for reservation in due:
            self._give_back(reservation, self._ending(reservation))
        for (event_id, _), code in self.codes.items():
            if self.partition(event_id) == partition and 0 < code.terms.until_ms <= now_ms:
                code.is_open = False
        for command in commands:
            if isinstance(command, OnReservation):
                named = self.reservations.get(command.reservation_id)
                if named and named.state is State.HELD and self._is_cancelled(named.event_id):
                    self._give_back(named, State.CANCELLED)
                elif named and named.state is State.HELD and named.deadline_ms <= now_ms:
                    self._give_back(named, State.EXPIRED)
        self.lines.settle(partition, self._sale_refusal)
        results = []
        for command in commands:
            results.append(self._run(command))
            self.lines.settle(partition, self._sale_refusal)
        for reservation in self.reservations.values():
            if not reservation.unsettled():
                reservation.unsettled_since_ms = None
            elif reservation.unsettled_since_ms is None:
                reservation.unsettled_since_ms = now_ms
        return results

    def _run(self, command: Command[Any]) -> Result:
        match command:
            case PutEvent() | EndEvent():
                return self._put_event(command) if isinstance(command, PutEvent) else self._end_event(command)
            case Count() | ReadSeatMap() | CountSections():
                return self._look(command)
            case BlockSeats() | PutCodes():
                return self._put_codes(command) if isinstance(command, PutCodes) else self._block_seats(command)
            case Add() | Replace():
                return self._add(command) if isinstance(command, Add) else self._replace(command)
            case Sweep():
                return Swept(self._given_back, self._backlog)
            case Hold():
                return self._hold(command)
            case Refund() | RefundSome() | Restock() | Exchange():
                return self._on_sold(command)
            case Wait() | FindWaiting() | TendWaiting() | DeclineWaiting():
                return self._wait(command)
            case OnBooking() | CountSlots():
                return self._slots.run(command, self._sale_refusal)
            case PurgeSlots(skip):
                return self._slots.purge(skip, self._sweep_slice)
            case OnReservation(reservation_id):
                reservation = self.reservations.get(reservation_id)
                return self._on(reservation, command) if reservation else NotFound()
        raise AssertionError(command)

    def _on(self, reservation: Reservation, command: Command[Any]) -> Result:
        match command:
            case Find():
                return Found(self.now_ms, False, reservation.record())
            case Erase(details=details):
                return self._erase(reservation, details)
            case Cancel():
                return self._cancel(reservation)
            case Remove() | RemovePlaces():
                return self._remove(reservation, command)
            case Claim(customer_id=customer_id):
                return self._claim(reservation, customer_id)
            case Shorten():
                return self._shorten(reservation, command.deadline_ms)
            case BeginPayment():
                return self._begin_payment(reservation, command)
            case (
                ConfirmPayment(_, attempt_id)
                | FailPayment(_, attempt_id)
                | SettleRefund(_, attempt_id)
                | DisputePayment(_, attempt_id)
            ):
                attempt = reservation.attempt(attempt_id)
                return self._on_attempt(reservation, attempt, command) if attempt else UnknownAttempt()
        raise AssertionError(command)

    def _on_attempt(self, reservation: Reservation, attempt: Attempt, command: Command[Any]) -> Result:
        match command:
            case ConfirmPayment():
                return self._confirm_payment(reservation, attempt)
            case FailPayment():
                return self._fail_payment(reservation, attempt, command)
            case DisputePayment():
                return self._dispute_payment(reservation, attempt, command)
            case SettleRefund(refund_id=refund_id):
                return self._settle_refund(reservation, attempt, refund_id)
        raise AssertionError(command)

    def _wait(self, command: WaitingCommand) -> Result:
        if isinstance(command, DeclineWaiting):
            return self._decline_waiting(command.reservation_id)
        return self.lines.run(command, self._sale_refusal, backlog=self._backlog)

    def _decline_waiting(self, waiting_id: str) -> Result:
        entry, offer = self.lines.entries.get(waiting_id), self.reservations.get(waiting_id)
        if entry is None:
            return NotFound()
        if entry.state is WaitingState.TAKEN:
            return AlreadyPaid()
        if entry.state is WaitingState.OFFERED:
            assert offer is not None
            if offer.state is State.PAYING:
                return PaymentInProgress()
            self._give_back(offer, State.CANCELLED)
        elif entry.state is WaitingState.WAITING:
            self.lines.end(entry, WaitingState.DECLINED)
        return self.lines.declined(entry, replayed=entry == self.lines.entries[waiting_id])

    def _on_sold(self, command: Refund | RefundSome | Restock | Exchange) -> Result:
        """The commands that take a record from Postgres where Redis no longer keeps it."""
        reservation = self.reservations.get(command.reservation_id)
        old = None
        if reservation is None and command.archived:
            old = next(old for old in self.forgotten if old.record() == command.archived)
        known = reservation or old
        if known is None:
            return NotFound()
        result = self._run_on_sold(known, command)
        if old is not None and isinstance(result, OnRecord) and not result.replayed:
            self.forgotten.remove(old)
            self.reservations[command.reservation_id] = old
        return result

    def _run_on_sold(self, reservation: Reservation, command: Refund | RefundSome | Restock | Exchange) -> Result:
        match command:
            case Restock():
                if reservation.state not in (State.PAID, State.REFUND_DUE, State.REFUNDED):
                    return NotPaid(reservation.state)
                return Restocked(self.now_ms, not self._restock(reservation), reservation.record())
            case RefundSome():
                return self._refund_some(reservation, command)
            case Exchange():
                return self._exchange(reservation, command)
        return self._refund(reservation, command)
