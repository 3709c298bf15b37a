"""Refunds, for the pure model (reference_model.py)."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.commands.items import NamedSeats
from engine.commands.refunds import Refund, RefundSome
from engine.records import Attempt, Line
from engine.results.payments import AmountMismatch
from engine.results.refunds import NotPaid, RefundDue, Refunded
from engine.results.reservations import NotHeld, PaymentInProgress
from engine.results.result import Result
from engine.words import AttemptState, FactWord, State
from tests.support.engine.reference_items import joined_lines, places_of, without_places, without_seats
from tests.support.engine.reference_reservation import Reservation, places_by_ticket
from tests.support.engine.reference_sale import Sale


class Refunds(Sale):
    """Refunds of paid reservations."""

    def _refund(self, reservation: Reservation, command: Refund) -> Result:
        if reservation.state in (State.REFUND_DUE, State.REFUNDED):
            restocks = command.restock and not command.leaves_kept
            restocked, left_minor = restocks and self._restock(reservation), reservation.left_minor()
            if left_minor:
                self._owe_more(reservation, reservation.reservation_id, left_minor)
            kind = RefundDue if reservation.state is State.REFUND_DUE else Refunded
            return kind(self.now_ms, not restocked and not left_minor, reservation.record())
        if reservation.state is not State.PAID:
            return NotPaid(reservation.state)
        if reservation.pending_exchange():
            return PaymentInProgress()
        rid, worth = reservation.reservation_id, reservation.record().total_minor
        places = places_by_ticket(reservation.lines, reservation.places())
        reservation.give_back_money(rid, reservation.left_minor(), self.now_ms, places, worth)
        reservation.end_payments(rid, self.now_ms)
        self._give_up(reservation, reservation.lines, command.restock)
        reservation.visits = {}
        self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return RefundDue(self.now_ms, False, reservation.record())

    def _refund_some(self, reservation: Reservation, command: RefundSome) -> Result:
        known = [one for each in reservation.attempts for one in each.refunds if one.refund_id == command.refund_id]
        if known:
            kind = Refunded if all(refund.settled_ms for refund in known) else RefundDue
            return kind(self.now_ms, True, reservation.record())
        if reservation.state is not State.PAID:
            return self._refund_kept(reservation, command)
        if reservation.pending_exchange():
            return PaymentInProgress()
        rest, gone = list(reservation.lines), list[Line]()
        for item in command.items:
            if isinstance(item, NamedSeats):
                same = [line for line in rest if (line.ticket_id, line.pool) == (item.ticket_id, item.pool)]
                wanted = {*item.seats}
                less = [
                    replace(line, seats=sorted({*line.seats} & wanted), quantity=len({*line.seats} & wanted))
                    for line in same
                    if {*line.seats} & wanted
                ]
                rest = without_seats(rest, item.pool, item.seats)
            else:
                rest, less = without_places(rest, item[0], None, item[1])
            gone += less
            if sum(line.quantity for line in less) < places_of(item):
                return NotHeld()
        worth_minor, left_minor = sum(line.quantity * line.unit_minor for line in gone), reservation.left_minor()
        amount_minor = worth_minor if command.amount_minor < 0 else command.amount_minor
        if amount_minor > left_minor:
            return AmountMismatch(left_minor, reservation.currency)
        places = places_by_ticket(gone, sum(line.quantity for line in gone))
        reservation.give_back_money(command.refund_id, amount_minor, self.now_ms, places, worth_minor)
        self._give_up(reservation, gone, command.restock)
        if rest:
            reservation.lines = rest
            reservation.visits = (
                {
                    pool: self._slots.until_ms(reservation.event_id, pool)
                    for pool in reservation.slots()
                    if self._is_there(reservation.event_id, pool)
                }
                if gone
                else reservation.visits
            )
        else:
            reservation.visits = {}
            reservation.end_payments(command.refund_id, self.now_ms)
            self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return RefundDue(self.now_ms, False, reservation.record())

    def _refund_kept(self, reservation: Reservation, command: RefundSome) -> Result:
        """More of the money of a reservation that ended goes back."""
        left_minor = reservation.left_minor()
        if reservation.state not in (State.REFUND_DUE, State.REFUNDED) or not left_minor:
            return NotPaid(reservation.state)
        if command.items:
            return NotHeld()
        if command.amount_minor > left_minor:
            return AmountMismatch(left_minor, reservation.currency)
        self._owe_more(reservation, command.refund_id, max(0, command.amount_minor))
        return RefundDue(self.now_ms, False, reservation.record())

    def _owe_more(self, reservation: Reservation, refund_id: str, amount_minor: int) -> None:
        """Money that was kept when a reservation ended goes back after all."""
        reservation.give_back_money(refund_id, amount_minor, self.now_ms, (), 0)
        for number, attempt in enumerate(reservation.attempts):
            if attempt.due_refunds and attempt.state is AttemptState.REFUNDED:
                reservation.attempts[number] = replace(attempt, state=AttemptState.REFUND_DUE)
        self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)

    def _settle_refund(self, reservation: Reservation, attempt: Attempt, refund_id: str) -> Result:
        refund = next((refund for refund in attempt.refunds if refund.refund_id == refund_id), None)
        if refund is None:
            return NotPaid(attempt.state)
        if refund.settled_ms:
            return Refunded(self.now_ms, True, reservation.record())
        done = replace(refund, settled_ms=self.now_ms)
        after = replace(attempt, refunds=[done if one == refund else one for one in attempt.refunds])
        if after.state is AttemptState.REFUND_DUE and not after.due_refunds:
            after = replace(after, state=AttemptState.REFUNDED)
        reservation.attempts[reservation.attempts.index(attempt)] = after
        still_due = any(other.state is AttemptState.REFUND_DUE for other in reservation.attempts)
        if reservation.state is State.REFUND_DUE and not still_due:
            self._enter(reservation, State.REFUNDED)
        self._fact(FactWord.REFUNDED, reservation)
        return Refunded(self.now_ms, False, reservation.record())

    def _restock(self, reservation: Reservation) -> bool:
        kept, reservation.kept = reservation.kept, []
        if kept:
            self._fact(FactWord.RESTOCKED, reservation)
        return bool(kept)

    def _give_up(self, reservation: Reservation, lines: Sequence[Line], restock: bool) -> None:
        """Places are no longer sold; those of slots that are long past are gone."""
        if not restock:
            there = [line for line in lines if self._is_there(reservation.event_id, line.pool)]
            reservation.kept = joined_lines(reservation.kept, there)
