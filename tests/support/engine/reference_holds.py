"""Commands that make and end holds, for the pure model (reference_model.py)."""

from engine.commands.holds import Hold
from engine.commands.items import ANY_TOTAL, NamedSeats
from engine.ids import event_of
from engine.records import CodeUse
from engine.results.codes import CodeUnknown, CodeUsedUp
from engine.results.events import UnknownPool
from engine.results.holds import Cancelled, Held, PriceChanged
from engine.results.internal import Again
from engine.results.reservations import (
    AlreadyCancelled,
    AlreadyPaid,
    Erased,
    Expired,
    KeyReused,
    NotHeld,
    PaymentInProgress,
)
from engine.results.result import Result
from engine.words import FactWord, State
from tests.support.engine.reference_codes import covers, is_used_up, not_applicable, priced
from tests.support.engine.reference_items import (
    choose,
    item_refusal,
    items_of,
    minimum_refusal,
    places_of,
    starts_of,
    ticket_of,
)
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_sale import Sale

NOT_CHANGEABLE: dict[State, Result] = {
    State.EXPIRED: Expired(),
    State.CANCELLED: AlreadyCancelled(),
    State.PAYING: PaymentInProgress(),
    State.PAID: AlreadyPaid(),
    State.REFUND_DUE: NotHeld(),
    State.REFUNDED: NotHeld(),
}


class Holds(Sale):
    """Holds as a whole."""

    def _hold(self, command: Hold, *, one_by_one: bool = False) -> Result:
        before = self.reservations.get(command.reservation_id)
        if before:
            return Held(self.now_ms, True, before.record()) if before.digest == command.digest else KeyReused()
        terms = self.terms.get(command.event_id)
        if terms is None:
            return UnknownPool(0)
        code = self._code(command.event_id, command.code, command.customer_id)
        if command.code and not code:
            return CodeUnknown()
        own = code.terms if code else None
        refusal = self._sale_refusal(terms, own)
        if refusal:
            return refusal
        items = items_of(command.items)
        unknown = item_refusal(terms, items, self.now_ms, own) or minimum_refusal(terms, items, one_by_one=one_by_one)
        if not unknown and own:
            unknown = not_applicable(own, sum(places_of(each) for each in items if covers(own, ticket_of(each))))
        if unknown:
            return unknown
        gained = sum(places_of(item) for item in items)
        limited = (
            None
            if command.over_limit
            else self._slots.limit_refusal(terms, command.event_id, command.customer_id, gained)
        )
        if limited:
            return Again() if self._backlog else limited
        named = [line for line in items if isinstance(line, NamedSeats)] if command.from_blocked else []
        with self._free(command.event_id, [(item.pool, item.seats) for item in named]):
            chosen = choose(self, command.event_id, terms, items)
            if isinstance(chosen, Result):
                return Again() if self._backlog else chosen
            lines = priced(own, chosen)
            if code and is_used_up(code, self.use(command.event_id, command.code), lines, [], is_new=True):
                return Again() if self._backlog else CodeUsedUp()
            total_minor = sum(line.quantity * line.unit_minor for line in lines)
            if command.expected_minor not in (ANY_TOTAL, total_minor):
                return PriceChanged(total_minor, terms.currency)
            short = self._short(command.event_id, lines, code)
            if short:
                return Again() if self._backlog else self._short_of(command.event_id, short)
        reservation = Reservation(
            reservation_id=command.reservation_id,
            event_id=command.event_id,
            customer_id=command.customer_id,
            details=command.details,
            digest=command.digest,
            created_ms=self.now_ms,
            deadline_ms=self.now_ms + min(command.hold_ms or terms.hold_ms, terms.hold_ms),
            lines=lines,
            currency=terms.currency,
            code=CodeUse(command.code, own.kind) if own else None,
        )
        assert event_of(reservation.reservation_id) == reservation.event_id
        self.reservations[reservation.reservation_id] = reservation
        self._take_slots(reservation, starts_of(items))
        self._fact(FactWord.HELD, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _claim(self, reservation: Reservation, customer_id: str) -> Result:
        if reservation.state not in (State.HELD, State.PAYING):
            return NOT_CHANGEABLE[reservation.state]
        if reservation.customer_id == customer_id:
            return Held(self.now_ms, True, reservation.record())
        terms, event_id = self.terms[reservation.event_id], reservation.event_id
        exceeded = self._slots.limit_refusal(terms, event_id, customer_id, reservation.places())
        if exceeded:
            return Again() if self._backlog else exceeded
        reservation.customer_id = customer_id
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _shorten(self, reservation: Reservation, deadline_ms: int) -> Result:
        if reservation.state is not State.HELD:
            return NOT_CHANGEABLE[reservation.state]
        if deadline_ms <= self.now_ms:
            self._give_back(reservation, State.EXPIRED)
            return Expired()
        if deadline_ms >= reservation.deadline_ms:
            return Held(self.now_ms, True, reservation.record())
        reservation.deadline_ms = deadline_ms
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _cancel(self, reservation: Reservation) -> Result:
        match reservation.state:
            case State.HELD:
                self._give_back(reservation, State.CANCELLED)
                return Cancelled(self.now_ms, False, reservation.record())
            case State.CANCELLED:
                return Cancelled(self.now_ms, True, reservation.record())
            case State.EXPIRED:
                return Expired()
            case State.PAYING:
                return PaymentInProgress()
            case State.PAID | State.REFUND_DUE:
                return AlreadyPaid()
            case State.REFUNDED:
                return NotHeld()

    def _erase(self, reservation: Reservation, details: str) -> Result:
        before, reservation.details = reservation.details, details
        if before != details:
            self._fact(FactWord.ERASED, reservation)
        return Erased(self.now_ms, before == details, reservation.record())
