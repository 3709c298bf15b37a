"""Exchanges of paid places, for the pure model (reference_model.py)."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from engine.commands.exchanges import Exchange
from engine.commands.items import ANY_TOTAL
from engine.records import Attempt, Line
from engine.records import Exchange as ExchangeRecord
from engine.results.bookings import BookingExpired
from engine.results.codes import CodeNotApplicable
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import PriceChanged
from engine.results.internal import Again
from engine.results.payments import AmountMismatch, Paid, PaymentFailed, TooManyAttempts
from engine.results.refunds import NotPaid, RefundDue
from engine.results.reservations import KeyReused, PaymentInProgress
from engine.results.result import Result
from engine.words import AttemptState, CodeKind, FactWord, State
from tests.support.engine.reference_items import (
    at_old_prices,
    choose,
    item_refusal,
    items_of,
    joined_lines,
    minimum_refusal,
    starts_of,
)
from tests.support.engine.reference_reservation import Reservation, places_by_ticket
from tests.support.engine.reference_sale import Sale

ATTEMPTS_KEPT = 8


def replace_lines(reservation: Reservation, lines: list[Line]) -> Reservation:
    """A copy of a reservation with other lines."""
    return dataclasses.replace(reservation, lines=lines)


def _places_lost(before: Sequence[Line], after: Sequence[Line]) -> list[Line]:
    """The places before that there are not after, in their order, by what each is: a seat, or one of a pool."""
    have = Counter((line.pool, seat) for line in after for seat in line.seats or [0] * line.quantity)
    lost = []
    for line in before:
        gone = []
        for seat in line.seats or [0] * line.quantity:
            there = have[line.pool, seat] > 0
            have[line.pool, seat] -= there
            gone += [] if there else [seat]
        lost.append(replace(line, quantity=len(gone), seats=gone))
    return lost


class Exchanges(Sale):
    """Exchanges of the places of paid reservations."""

    def _exchange(self, reservation: Reservation, command: Exchange) -> Result:
        known = reservation.attempt(command.attempt_id)
        if known:
            return self._exchange_again(reservation, known, command.digest)
        lines = self._lines_exchanged(reservation, command)
        if isinstance(lines, Result):
            return lines
        gained = sum(line.quantity for line in lines) - reservation.places()
        before = reservation.lines
        total_minor = sum(line.quantity * line.unit_minor for line in lines)
        difference_minor = total_minor - reservation.record().total_minor
        if command.expected_minor not in (ANY_TOTAL, total_minor):
            return PriceChanged(total_minor, reservation.currency)
        if difference_minor > 0 and not command.may_charge:
            return AmountMismatch(difference_minor, reservation.currency)
        if lines == joined_lines([], before):
            return Exchanged(self.now_ms, True, reservation.record())
        if len(reservation.attempts) == ATTEMPTS_KEPT and not reservation.forget_attempt():
            return TooManyAttempts(ATTEMPTS_KEPT)
        attempt = Attempt(
            command.attempt_id,
            AttemptState.PENDING,
            max(0, difference_minor),
            self.now_ms,
            0,
            "",
            command.digest,
            exchange=[ExchangeRecord(before, lines)],
        )
        if difference_minor > 0:
            reservation.attempts.append(attempt)
            self._take_slots(replace_lines(reservation, lines), starts_of(items_of(command.items)))
            self._fact(FactWord.EXCHANGING, reservation)
            return Exchanging(self.now_ms, False, reservation.record())
        fewer = max(0, -gained)
        if fewer or difference_minor:
            back_minor = min(-difference_minor, reservation.left_minor())
            given_up = places_by_ticket(_places_lost(before, lines), fewer)
            reservation.give_back_money(command.attempt_id, back_minor, self.now_ms, given_up, -difference_minor)
        reservation.attempts.append(replace(attempt, state=AttemptState.COMPLETED, settled_ms=self.now_ms))
        self._take_slots(replace_lines(reservation, lines), starts_of(items_of(command.items)))
        self._have(reservation, lines)
        self._fact(FactWord.EXCHANGED, reservation)
        return Exchanged(self.now_ms, False, reservation.record())

    def _lines_exchanged(self, reservation: Reservation, command: Exchange) -> list[Line] | Result:
        """All that the reservation is to have, places that stay at their old prices."""
        if reservation.state is not State.PAID:
            return NotPaid(reservation.state)
        if any(attempt.state is AttemptState.PENDING for attempt in reservation.attempts):
            return PaymentInProgress()
        if any(self._slots.has_begun(reservation.event_id, pool) for pool in reservation.slots()):
            return BookingExpired()
        if reservation.code and reservation.code.kind is CodeKind.ALLOCATION:
            return CodeNotApplicable(0)
        terms, items = self.terms[reservation.event_id], items_of(command.items)
        refusal = (
            self._sale_refusal(terms)
            or item_refusal(terms, items, self.now_ms)
            or minimum_refusal(terms, items, one_by_one=False)
        )
        if refusal:
            return refusal
        before, reservation.lines = reservation.lines, []
        with self._free(reservation.event_id, [(line.pool, line.seats) for line in before]):
            chosen = choose(self, reservation.event_id, terms, items)
            if not isinstance(chosen, Result) and (short := self._short(reservation.event_id, chosen)):
                chosen = self._short_of(reservation.event_id, short)
        reservation.lines = before
        if isinstance(chosen, Result):
            return Again() if self._backlog else chosen
        gained = sum(line.quantity for line in chosen) - reservation.places()
        exceeded = None if command.over_limit else self._limit_refusal(reservation, terms, gained)
        if exceeded:
            return Again() if self._backlog else exceeded
        return at_old_prices(chosen, before)

    def _exchange_again(self, reservation: Reservation, attempt: Attempt, digest: str) -> Result:
        if attempt.digest != digest or not attempt.exchange:
            return KeyReused()
        if attempt.reason == "late":
            return RefundDue(self.now_ms, True, reservation.record())
        kinds = {AttemptState.PENDING: Exchanging, AttemptState.FAILED: PaymentFailed}
        return kinds.get(attempt.state, Exchanged)(self.now_ms, True, reservation.record())

    def _confirm_exchange(self, reservation: Reservation, attempt: Attempt) -> Result:
        exchange = attempt.exchange[0]
        if self._is_cancelled(reservation.event_id):
            reservation.settle(attempt, AttemptState.REFUND_DUE, self.now_ms, "late")
            late = reservation.attempt(attempt.attempt_id)
            assert late is not None
            reservation.owe(late, reservation.reservation_id, late.amount_minor, self.now_ms)
            self._fact(FactWord.REFUND_DUE, reservation)
            return RefundDue(self.now_ms, False, reservation.record())
        reservation.settle(attempt, AttemptState.COMPLETED, self.now_ms)
        self._have(reservation, exchange.after)
        self._fact(FactWord.EXCHANGED, reservation)
        return Paid(self.now_ms, False, reservation.record())
