"""The steps that commands on sales share, for the pure model (reference_model.py)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.facts import BookingFact, Fact
from engine.records import Line
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused
from engine.results.holds import SoldOut
from engine.results.limits import LimitExceeded
from engine.results.result import Result
from engine.slots import slot_of_pool
from engine.terms import CodeTerms, Terms
from engine.words import EventStatus, FactWord, State
from tests.support.engine.reference_codes import Code, is_valid, opening, places_under
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_slots import Slots
from tests.support.engine.reference_stock import Stock
from tests.support.engine.reference_waiting import OFFER, WaitingLists, ending


class Sale(Stock):
    """The takings, and the rules that several commands have in common."""

    def __init__(self, partitions: int, sweep_slice: int, booking_ms: int) -> None:
        super().__init__(partitions)
        self._sweep_slice = sweep_slice
        self._slots = Slots(self, booking_ms, sweep_slice)
        self.lines = WaitingLists(self, self._fact)
        self.facts: list[Fact] = []
        self.now_ms = 0
        self._given_back = 0

    @property
    def booking_facts(self) -> list[BookingFact]:
        """Facts about bookings of the last call."""
        return self._slots.facts

    @property
    def _backlog(self) -> bool:
        return self._slots.backlog

    def forget(self, reservation_id: str) -> None:
        """The time for which an ended reservation is kept is over."""
        self.forgotten.append(self.reservations.pop(reservation_id))

    def _fact(self, word: FactWord, reservation: Reservation) -> None:
        self.facts.append(Fact(word, reservation.reservation_id, self.now_ms, reservation.record()))

    def _is_cancelled(self, event_id: int) -> bool:
        terms = self.terms.get(event_id)
        return terms is not None and terms.status is EventStatus.CANCELLED

    def _ending(self, reservation: Reservation) -> State:
        """The end of an expired hold."""
        return State.CANCELLED if self._is_cancelled(reservation.event_id) else State.EXPIRED

    def _enter(self, reservation: Reservation, state: State) -> None:
        reservation.state = state
        reservation.ended_ms = 0 if state in (State.HELD, State.PAYING) else self.now_ms

    def _give_back(self, reservation: Reservation, state: State) -> None:
        self._enter(reservation, state)
        self._fact(FactWord(state), reservation)
        if reservation.digest == OFFER:
            cancelled = self._is_cancelled(reservation.event_id)
            self.lines.offer_ended(reservation, ending(state, cancelled=cancelled))

    def _sale_refusal(self, terms: Terms, code: CodeTerms | None = None) -> Result | None:
        if terms.status is EventStatus.DRAFT:
            return NotOnSaleYet(0)
        sells = terms.status in (EventStatus.ON_SALE, EventStatus.PAUSED)
        if not sells or 0 < terms.closes_ms <= self.now_ms:
            return SaleClosed()
        opens_ms = opening(code, terms.opens_ms)
        if self.now_ms < opens_ms:
            return NotOnSaleYet(opens_ms)
        return SalePaused() if terms.status is EventStatus.PAUSED else None

    def _limit_refusal(self, reservation: Reservation, terms: Terms, gained: int) -> LimitExceeded | None:
        if gained <= 0:
            return None
        return self._slots.limit_refusal(terms, reservation.event_id, reservation.customer_id, gained)

    def _short(self, event_id: int, lines: Sequence[Line], code: Code | None = None) -> tuple[Line, int] | None:
        """The first line that is not available, and what its pool has; without what is set aside for a code."""
        if code and code.is_open:
            lines = [line for line in lines if line.off_minor is None]
        for number, line in enumerate(lines):
            available = self.for_sale(event_id, line.pool)
            if sum(other.quantity for other in lines[: number + 1] if other.pool == line.pool) > available:
                return line, available
            if line.seats and any(self.seat_map(event_id, line.pool)[seat - 1] != "a" for seat in line.seats):
                return line, available
        return None

    def _short_of(self, event_id: int, short: tuple[Line, int]) -> SoldOut:
        line, available = short
        return self.sold_out(event_id, line.ticket_id, [line.pool], available, 0)

    @contextmanager
    def _free(self, event_id: int, seats: Sequence[tuple[str, Sequence[int]]]) -> Iterator[None]:
        """Within it, these seats are not blocked."""
        before = {key: set(blocked) for key, blocked in self.blocked.items()}
        for pool, places in seats:
            if places:
                self.blocked[event_id, pool] -= set(places)
        yield
        self.blocked = before

    def _take_slots(self, reservation: Reservation, starts: dict[str, int]) -> None:
        for pool in reservation.slots():
            if pool in starts:
                self._slots.take(reservation.event_id, pool, starts[pool])

    def _code(self, event_id: int, name: str, customer_id: str) -> Code | None:
        """The code that a customer names, if it is valid."""
        code = self.codes.get((event_id, name))
        return code if code and is_valid(code.terms, customer_id, self.now_ms) else None

    @staticmethod
    def _change_lines(reservation: Reservation, lines: list[Line]) -> None:
        """A line without places under its code names none."""
        reservation.lines = lines
        if not places_under(lines):
            reservation.code = None

    def _have(self, reservation: Reservation, lines: list[Line]) -> None:
        """A paid reservation has these places; those of slots count until those are purged."""
        self._change_lines(reservation, lines)
        reservation.visits = {
            pool: self._slots.until_ms(reservation.event_id, pool)
            for pool in reservation.slots()
            if self._is_there(reservation.event_id, pool)
        }

    def _is_there(self, event_id: int, pool: str) -> bool:
        return slot_of_pool(pool) is None or (event_id, pool) in self.slots
