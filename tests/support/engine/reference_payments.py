"""Payment attempts, for the pure model (reference_model.py)."""

from engine.commands.payments import BeginPayment, DisputePayment, FailPayment
from engine.records import Attempt, Received
from engine.results.events import SaleClosed
from engine.results.payments import AmountMismatch, Disputed, Paid, Paying, PaymentFailed, PaymentSettled
from engine.results.refunds import RefundDue
from engine.results.reservations import AlreadyCancelled, Expired, KeyReused, NotHeld, PaymentInProgress
from engine.results.result import Result
from engine.words import AttemptState, CodeKind, FactWord, State, WaitingState
from tests.support.engine.reference_codes import places_under, saved_by
from tests.support.engine.reference_exchanges import ATTEMPTS_KEPT, Exchanges
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_waiting import OFFER

_GIVEN_BACK = (State.EXPIRED, State.CANCELLED)


class Payments(Exchanges):
    """Attempts to pay, for holds and for exchanges."""

    def _begin_payment(self, reservation: Reservation, command: BeginPayment) -> Result:
        before = reservation.attempt(command.attempt_id)
        if before:
            return self._attempt_again(reservation, before, command.digest)
        unpaid = reservation.state in (State.HELD, *_GIVEN_BACK)
        if unpaid and self._is_cancelled(reservation.event_id):
            return SaleClosed()
        match reservation.state:
            case State.EXPIRED:
                return Expired()
            case State.CANCELLED:
                return AlreadyCancelled()
            case State.REFUND_DUE | State.REFUNDED:
                return NotHeld()
        total_minor = reservation.record().total_minor
        if command.amount_minor != total_minor:
            return AmountMismatch(total_minor, reservation.currency)
        if reservation.state is State.PAID:
            return Paid(self.now_ms, True, reservation.record())
        if reservation.state is State.PAYING:
            return PaymentInProgress()
        attempt = Attempt(
            command.attempt_id, AttemptState.PENDING, command.amount_minor, self.now_ms, 0, "", command.digest
        )
        reservation.attempts = [*reservation.attempts, attempt][-ATTEMPTS_KEPT:]
        self._enter(reservation, State.PAYING)
        self._fact(FactWord.PAYING, reservation)
        return Paying(self.now_ms, False, reservation.record())

    def _attempt_again(self, reservation: Reservation, attempt: Attempt, digest: str) -> Result:
        if attempt.digest != digest:
            return KeyReused()
        if attempt.state is AttemptState.FAILED:
            return PaymentFailed(self.now_ms, True, reservation.record())
        if attempt.state is AttemptState.PENDING:
            return Paying(self.now_ms, True, reservation.record())
        if attempt.reason == "late":
            return RefundDue(self.now_ms, True, reservation.record())
        return Paid(self.now_ms, True, reservation.record())

    def _confirm_payment(self, reservation: Reservation, attempt: Attempt) -> Result:
        if attempt.state is AttemptState.COMPLETED:
            return Paid(self.now_ms, True, reservation.record())
        if attempt.state in (AttemptState.REFUND_DUE, AttemptState.REFUNDED):
            return RefundDue(self.now_ms, True, reservation.record())
        if attempt.exchange and attempt.state is AttemptState.PENDING:
            return self._confirm_exchange(reservation, attempt)
        given_back = reservation.state in _GIVEN_BACK
        if given_back and self._names_another_code(reservation):
            reservation.code = None
        begun = any(self._slots.has_begun(reservation.event_id, pool) for pool in reservation.slots())
        cancelled = self._is_cancelled(reservation.event_id)
        to_be_had = given_back and not begun and not cancelled and not self._cannot_retake(reservation)
        live = reservation.state in (State.HELD, State.PAYING)
        if (live and not cancelled) or to_be_had:
            reservation.settle(attempt, AttemptState.COMPLETED, self.now_ms)
            self._enter(reservation, State.PAID)
            event_id = reservation.event_id
            reservation.visits = {pool: self._slots.until_ms(event_id, pool) for pool in reservation.slots()}
            if reservation.digest == OFFER:
                self.lines.offer_ended(reservation, WaitingState.TAKEN)
            self._fact(FactWord.PAID, reservation)
            return Paid(self.now_ms, False, reservation.record())
        reservation.settle(attempt, AttemptState.REFUND_DUE, self.now_ms, "late")
        late = reservation.attempt(attempt.attempt_id)
        assert late is not None
        reservation.owe(late, reservation.reservation_id, late.amount_minor, self.now_ms)
        if live and reservation.digest == OFFER:
            self.lines.offer_ended(reservation, WaitingState.ENDED)
        if given_back or live:
            self._enter(reservation, State.REFUND_DUE)
        self._fact(FactWord.REFUND_DUE, reservation)
        return RefundDue(self.now_ms, False, reservation.record())

    def _names_another_code(self, reservation: Reservation) -> bool:
        """True if the text of its code is now that of an allocation which the reservation never was under."""
        named = reservation.code
        code = self.codes.get((reservation.event_id, named.code)) if named else None
        if named is None or code is None or code.terms.kind is not CodeKind.ALLOCATION:
            return False
        under = {line.ticket_id for line in reservation.lines if line.off_minor is not None}
        return named.kind is not CodeKind.ALLOCATION or under != set(code.terms.ticket_ids)

    def _cannot_retake(self, reservation: Reservation) -> bool:
        """True if places, or what its code has left, are gone; whether the code is valid does not matter."""
        named = reservation.code
        code = self.codes.get((reservation.event_id, named.code)) if named else None
        allotted = code if code and code.is_open and code.terms.kind is CodeKind.ALLOCATION else None
        if self._short(reservation.event_id, reservation.lines, allotted):
            return True
        if code is None or named is None:
            return False
        use, off = self.use(reservation.event_id, named.code), saved_by(reservation.lines)
        over_budget = code.terms.budget_minor and off and use.spent + off > code.terms.budget_minor
        if over_budget or 0 < code.terms.max_uses <= use.uses:
            return True
        return allotted is not None and places_under(reservation.lines) > self.free(reservation.event_id, named.code)

    def _fail_payment(self, reservation: Reservation, attempt: Attempt, command: FailPayment) -> Result:
        if attempt.state is AttemptState.FAILED:
            return PaymentFailed(self.now_ms, True, reservation.record())
        if attempt.state is not AttemptState.PENDING:
            return PaymentSettled()
        reservation.settle(attempt, AttemptState.FAILED, self.now_ms, command.reason)
        if reservation.state is State.PAYING:
            self._enter(reservation, State.HELD)
        self._fact(FactWord.PAYMENT_FAILED, reservation)
        if reservation.state is State.HELD and reservation.deadline_ms <= self.now_ms:
            self._give_back(reservation, self._ending(reservation))
        elif reservation.state is State.HELD and (command.give_back or self._is_cancelled(reservation.event_id)):
            self._give_back(reservation, State.CANCELLED)
        return PaymentFailed(self.now_ms, False, reservation.record())

    def _dispute_payment(self, reservation: Reservation, attempt: Attempt, command: DisputePayment) -> Result:
        settled = attempt.state is AttemptState.COMPLETED and not attempt.due_refunds
        if settled or attempt.state is AttemptState.REFUNDED:
            return PaymentSettled()
        received = Received(command.received_minor, command.received_currency, command.note)
        if attempt.received == [received]:
            return Disputed(self.now_ms, True, reservation.record())
        reservation.change(attempt, received=[received])
        self._fact(FactWord.CHANGED if command.note else FactWord.DISPUTED, reservation)
        return Disputed(self.now_ms, False, reservation.record())
