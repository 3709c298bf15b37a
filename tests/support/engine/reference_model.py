"""The rules of sale, stated a second time: a pure model, with no storage and no clock of its own.

It was written from the design, the contract over HTTP and the headers of `lua/`, not from their code. It keeps
reservations and bookings only: every counter is worked out from them (stock.py), so the model cannot lose stock
whatever it does. `call` is one unit of work on a partition at an instant that the caller knows. What is chosen for a
customer is in choosing.py, the rules of slots are in slots.py.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from engine.commands.bookings import CountSlots, OnBooking, PurgeSlots
from engine.commands.codes import PutCodes
from engine.commands.command import Command, OnReservation
from engine.commands.events import Count, EndEvent, PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Claim, Hold, Remove, RemovePlaces, Replace, Shorten, Sweep
from engine.commands.items import ANY_TOTAL, BestSeats, NamedSeats, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.commands.reservations import Erase, Find
from engine.commands.seats import BlockSeats, CountSections, ReadSeatMap
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.facts import BookingFact, Fact
from engine.ids import event_of
from engine.records import (
    Attempt,
    CodeTerms,
    CodeUse,
    Line,
    PoolCapacity,
    PoolCounts,
    Received,
    SectionSeats,
    Terms,
    TicketCounts,
)
from engine.records import (
    Exchange as ExchangeRecord,
)
from engine.results.bookings import BookingExpired
from engine.results.codes import CodeNotApplicable, CodesPut, CodeUnknown, CodeUsedUp
from engine.results.events import (
    BelowTaken,
    Counts,
    EventEnded,
    InUse,
    NotOnSaleYet,
    Published,
    SaleClosed,
    SalePaused,
    UnknownPool,
)
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import Cancelled, Held, OnlyFewer, PriceChanged, SoldOut, Swept
from engine.results.internal import Again
from engine.results.limits import LimitExceeded
from engine.results.payments import (
    AmountMismatch,
    Disputed,
    Paid,
    Paying,
    PaymentFailed,
    PaymentSettled,
    TooManyAttempts,
    UnknownAttempt,
)
from engine.results.refunds import NotPaid, RefundDue, Refunded, Restocked
from engine.results.reservations import (
    AlreadyCancelled,
    AlreadyPaid,
    Erased,
    Expired,
    Found,
    KeyReused,
    NotFound,
    NotHeld,
    PaymentInProgress,
)
from engine.results.result import OnRecord, Result
from engine.results.seats import SeatMap, SeatTaken, SectionsCounted
from engine.slots import slot_of_pool
from engine.words import AttemptState, CodeKind, EventStatus, FactWord, State, WaitingState
from tests.support.engine.reference_codes import (
    Code,
    covers,
    is_used_up,
    is_valid,
    not_applicable,
    opening,
    places_under,
    priced,
    saved_by,
)
from tests.support.engine.reference_items import (
    AnyItem,
    at_old_prices,
    choose,
    item_refusal,
    items_of,
    joined_lines,
    minimum_refusal,
    places_of,
    pool_of,
    starts_of,
    ticket_of,
    without_places,
    without_seats,
)
from tests.support.engine.reference_reservation import Counters, Reservation, places_by_ticket
from tests.support.engine.reference_slots import Slots
from tests.support.engine.reference_stock import Stock, scheduled_capacity
from tests.support.engine.reference_waiting import OFFER, WaitingCommand, WaitingLists, ending, has_more

ATTEMPTS_KEPT = 8

_GIVEN_BACK = (State.EXPIRED, State.CANCELLED)

_NOT_CHANGEABLE: dict[State, Result] = {
    State.EXPIRED: Expired(),
    State.CANCELLED: AlreadyCancelled(),
    State.PAYING: PaymentInProgress(),
    State.PAID: AlreadyPaid(),
    State.REFUND_DUE: NotHeld(),
    State.REFUNDED: NotHeld(),
}


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


class Model(Stock):
    """What all partitions should have, and what they should answer."""

    def __init__(self, partitions: int, sweep_slice: int, booking_ms: int) -> None:
        super().__init__(partitions)
        self._sweep_slice = sweep_slice
        self._slots = Slots(self, booking_ms)
        self.lines = WaitingLists(self, self._fact)
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

    def _look(self, command: Count | ReadSeatMap | CountSections) -> Result:
        if isinstance(command, CountSections):
            return self._count_sections(command.event_id)
        if isinstance(command, Count):
            return self._count(command.event_id)
        known = (command.event_id, command.pool) in self.manifests
        return SeatMap(self.now_ms, self.seat_map(command.event_id, command.pool)) if known else UnknownPool(0)

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

    def _erase(self, reservation: Reservation, details: str) -> Result:
        before, reservation.details = reservation.details, details
        if before != details:
            self._fact(FactWord.ERASED, reservation)
        return Erased(self.now_ms, before == details, reservation.record())

    def _fact(self, word: FactWord, reservation: Reservation) -> None:
        self.facts.append(Fact(word, reservation.reservation_id, self.now_ms, reservation.record()))

    def _is_cancelled(self, event_id: int) -> bool:
        terms = self.terms.get(event_id)
        return terms is not None and terms.status is EventStatus.CANCELLED

    def _ending(self, reservation: Reservation) -> State:
        """How a hold ends that ran out."""
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

    def _short(self, event_id: int, lines: Sequence[Line], code: Code | None = None) -> tuple[Line, int] | None:
        """The first line that is not to be had, and what its pool has; but for what is set aside for a code."""
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

    def _take_slots(self, reservation: Reservation, starts: dict[str, int]) -> None:
        for pool in reservation.slots():
            if pool in starts:
                self._slots.take(reservation.event_id, pool, starts[pool])

    def _put_event(self, command: PutEvent) -> Result:
        event_id = command.event_id
        before = self.terms.get(event_id)
        if before and command.terms.version < before.version:
            return Published()
        if before and before.currency != command.terms.currency and self.was_taken(event_id):
            return InUse(before.currency)
        slots = self._slots.later(event_id) if before and before.schedule != command.terms.schedule else []
        slot_capacities = [PoolCapacity(pool, self._slot_capacity(command, pool)) for pool in slots]
        for pool, capacity in self._capacities([*command.pools, *slot_capacities]):
            if (event_id, pool) in self.capacities or pool in slots:
                now = self.counters(event_id, pool)
                if capacity < now.capacity - now.available:
                    return BelowTaken(pool, capacity, now.capacity - now.available)
        for pool, capacity in self._capacities(command.pools):
            self.capacities[event_id, pool] = capacity
        for pool, capacity in self._capacities(slot_capacities):
            self.slots[event_id, pool].capacity = capacity
        for section in command.sections:
            if (event_id, section.pool) not in self.manifests:
                self.manifests[event_id, section.pool] = section.text
                self.blocked[event_id, section.pool] = set()
        self.terms[event_id] = command.terms
        return Published()

    def _slot_capacity(self, command: PutEvent, pool: str) -> int:
        slot = slot_of_pool(pool) or ""
        begun = slot >= command.terms.schedule.first_date
        capacity = scheduled_capacity(command.terms, slot) if begun else 0
        now = self.counters(command.event_id, pool)
        return max(capacity, now.capacity - now.available) if command.keeps_slots else capacity

    @staticmethod
    def _capacities(pools: Sequence[PoolCapacity]) -> list[tuple[str, int]]:
        return [(wanted.pool, wanted.capacity) for wanted in pools]

    def _count(self, event_id: int) -> Result:
        terms = self.terms.get(event_id)
        if terms is None:
            return UnknownPool(0)
        tickets = sorted(terms.tickets, key=lambda ticket: ticket.ticket_id)
        counts = [
            TicketCounts(
                ticket.ticket_id,
                *map(
                    sum,
                    zip(Counters(0, 0, 0, 0, 0, 0), *(self.shown(event_id, p) for p in ticket.pools), strict=True),
                ),
            )
            for ticket in tickets
        ]
        may_return = any(count.available == 0 and count.held > 0 for count in counts)
        return Counts(self.now_ms, counts, self.next_return_ms(event_id) if may_return else 0)

    def _count_sections(self, event_id: int) -> Result:
        if event_id not in self.terms:
            return UnknownPool(0)
        pools = {pool for ticket in self.terms[event_id].tickets for pool in ticket.pools if not pool.isdigit()}
        counts = [PoolCounts(pool, *self.shown(event_id, pool)) for pool in sorted(pools)]
        return SectionsCounted(self.now_ms, counts)

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

    def _end_event(self, command: EndEvent) -> Result:
        """The world plays it until it has seen everything, which is few here, so that one call is enough."""
        if command.event_id not in self.terms:
            return UnknownPool(0)
        if not self._is_cancelled(command.event_id):
            return EventEnded("0", 0)
        live = [
            reservation
            for reservation in self.reservations.values()
            if reservation.event_id == command.event_id and reservation.state is State.HELD
        ]
        for reservation in sorted(live, key=lambda reservation: reservation.reservation_id):
            self._give_back(reservation, State.CANCELLED)
        return EventEnded("0", len(live))

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
        taken = self.customer_places(command.event_id, command.customer_id)
        if not command.over_limit and taken + sum(places_of(item) for item in items) > terms.max_per_customer:
            return Again() if self._backlog else LimitExceeded(terms.max_per_customer, taken)
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

    @contextmanager
    def _free(self, event_id: int, seats: Sequence[tuple[str, Sequence[int]]]) -> Iterator[None]:
        """Within it, these seats are not blocked."""
        before = {key: set(blocked) for key, blocked in self.blocked.items()}
        for pool, places in seats:
            if places:
                self.blocked[event_id, pool] -= set(places)
        yield
        self.blocked = before

    def _code(self, event_id: int, name: str, customer_id: str) -> Code | None:
        """The code that a customer names, if it is valid."""
        code = self.codes.get((event_id, name))
        return code if code and is_valid(code.terms, customer_id, self.now_ms) else None

    @staticmethod
    def _change_lines(reservation: Reservation, lines: list[Line]) -> None:
        """What has no place under its code names none."""
        reservation.lines = lines
        if not places_under(lines):
            reservation.code = None

    @staticmethod
    def _code_places(code: Code | None, lines: Sequence[Line]) -> CodeNotApplicable | None:
        under = places_under(lines)
        return not_applicable(code.terms, under) if code and under else None

    def _code_left(self, reservation: Reservation, code: Code | None, lines: Sequence[Line]) -> CodeUsedUp | None:
        if code is None:
            return None
        name = next(name for (event_id, name), each in self.codes.items() if each is code)
        use, is_new = self.use(reservation.event_id, name), reservation.code is None
        return CodeUsedUp() if is_used_up(code, use, lines, reservation.lines, is_new=is_new) else None

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

    def _put_codes(self, command: PutCodes) -> Result:
        event_id, terms = command.event_id, command.terms
        if event_id not in self.terms:
            return UnknownPool(0)
        allots = terms.kind is CodeKind.ALLOCATION
        is_open = allots and not terms.withdrawn and not 0 < terms.until_ms <= self.now_ms
        pool, wanted = str(terms.ticket_ids[0]) if allots else "", 0
        for name in command.codes:
            known = self.codes.get((event_id, name))
            use = self.use(event_id, name)
            if command.is_new and known and known.terms != terms and (not known.terms.withdrawn or use.uses + use.kept):
                return InUse("")
            if is_open and terms.places < use.taken:
                return Again() if self._backlog else BelowTaken(pool, terms.places, use.taken)
            free = self.free(event_id, name) if known else 0
            wanted += (terms.places - use.taken if is_open else 0) - free
        if allots:
            available = self.for_sale(event_id, pool)
            if wanted > available:
                sold_out = self.sold_out(event_id, terms.ticket_ids[0], [pool], available, 0)
                return Again() if self._backlog else sold_out
        places = 0
        for name in command.codes:
            self.codes[event_id, name] = Code(terms, is_open)
            places = self.free(event_id, name) + self.use(event_id, name).taken
        return CodesPut(self.now_ms, places)

    def _block_seats(self, command: BlockSeats) -> Result:
        gone, changes = [], []
        for section in command.sections:
            key = (command.event_id, section.pool)
            if key not in self.manifests:
                return UnknownPool(0)
            seat_map = self.seat_map(*key)
            taken = [seat for seat in section.seats if seat_map[seat - 1] not in "ab"]
            if taken:
                gone.append(SectionSeats(section.pool, taken))
            changes.append((key, section.seats))
        if gone:
            return Again() if self._backlog else SeatTaken(gone)
        for key, seats in changes:
            self.blocked[key] = self.blocked[key] | set(seats) if command.blocked else self.blocked[key] - set(seats)
        return Published()

    def _add(self, command: Add) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None:
            if 0 < command.until_ms <= self.now_ms:
                return Expired()
            left_ms = command.until_ms - self.now_ms if command.until_ms else command.hold_ms
            return self._hold(
                Hold(
                    command.reservation_id,
                    command.event_id,
                    command.customer_id,
                    command.details,
                    "",
                    items_text([command.item]),
                    min(left_ms, command.hold_ms or left_ms),
                    expected_minor=command.expected_minor,
                    code=command.code,
                ),
                one_by_one=True,
            )
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
        terms = self.terms[reservation.event_id]
        code = self._code(reservation.event_id, command.code, reservation.customer_id)
        if command.code and not code:
            return CodeUnknown()
        own = code.terms if code else None
        other = reservation.code and reservation.code.code != command.code
        if own and (other or not covers(own, ticket_of(command.item))):
            return CodeNotApplicable(0)
        refusal = (
            self._sale_refusal(terms, own)
            or item_refusal(terms, [command.item], self.now_ms, own)
            or minimum_refusal(terms, [command.item], one_by_one=True)
        )
        if refusal:
            return refusal
        return self._add_to(reservation, terms, command, code)

    def _add_to(self, reservation: Reservation, terms: Terms, command: Add, code: Code | None) -> Result:
        item, expected_minor = command.item, command.expected_minor
        before = reservation.record()
        added = self._added(reservation, terms, item, code)
        if isinstance(added, Result):
            return Again() if self._backlog and not isinstance(added, CodeNotApplicable) else added
        lines, asked_for = added
        total_minor = sum(line.quantity * line.unit_minor for line in asked_for)
        if expected_minor not in (ANY_TOTAL, total_minor):
            return PriceChanged(total_minor, terms.currency)
        if lines == before.lines:
            return Held(self.now_ms, True, before)
        if code and reservation.code is None:
            reservation.code = CodeUse(command.code, code.terms.kind)
        self._change_lines(reservation, lines)
        self._take_slots(reservation, starts_of([item]))
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _replace(self, command: Replace) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None or reservation.customer_id != command.customer_id:
            return NotFound()
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
        terms, items = self.terms[reservation.event_id], items_of(command.items)
        named = reservation.code.code if reservation.code else ""
        code = self._code(reservation.event_id, named, reservation.customer_id)
        own = code.terms if code else None
        refusal = (
            self._sale_refusal(terms, own)
            or item_refusal(terms, items, self.now_ms, own)
            or minimum_refusal(terms, items, one_by_one=False)
        )
        if refusal:
            return refusal
        before = reservation.lines
        chosen = self._replacement(reservation, terms, items, own)
        if isinstance(chosen, Result):
            return Again() if self._backlog else chosen
        under = places_under(at_old_prices(chosen, before))
        if own and under and (refused := not_applicable(own, under)):
            return refused
        if reservation.digest == OFFER and has_more(chosen, before):
            return OnlyFewer()
        gained = sum(line.quantity for line in chosen) - reservation.places()
        exceeded = self._limit_refusal(reservation, terms, gained)
        if exceeded:
            return Again() if self._backlog else exceeded
        lines = at_old_prices(chosen, before)
        if lines == before:
            return Held(self.now_ms, True, reservation.record())
        self._change_lines(reservation, lines)
        self._take_slots(reservation, starts_of(items))
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _replacement(
        self, reservation: Reservation, terms: Terms, items: Sequence[AnyItem], own: CodeTerms | None
    ) -> list[Line] | Result:
        """The lines of the items while what the reservation has is free. `own`: of its code, if that is valid."""
        name = reservation.code.code if reservation.code else ""
        known = self.codes.get((reservation.event_id, name))
        before, reservation.lines = reservation.lines, []
        short = None
        with self._free(reservation.event_id, [(line.pool, line.seats) for line in before]):
            found = choose(self, reservation.event_id, terms, items)
            if not isinstance(found, Result):
                found = priced(own, found)
                short = self._short(reservation.event_id, at_old_prices(found, before) if known else found, known)
        refusal = found if isinstance(found, Result) else short and self._short_of(reservation.event_id, short)
        reservation.lines = before
        if isinstance(found, Result):
            return found
        if refusal:
            return refusal
        after, use = at_old_prices(found, before), self.use(reservation.event_id, name)
        return CodeUsedUp() if known and is_used_up(known, use, after, before, is_new=False) else found

    def _added(
        self, reservation: Reservation, terms: Terms, item: AnyItem, code: Code | None
    ) -> tuple[list[Line], list[Line]] | Result:
        """The lines that the reservation has then, and those of them that are the item's."""
        if isinstance(item, NamedSeats | BestSeats):
            return self._seats_added(reservation, terms, item, code)
        ticket = next(ticket for ticket in terms.tickets if ticket.ticket_id == ticket_of(item))
        pool = pool_of(ticket, item)

        def mine(lines: Sequence[Line]) -> list[Line]:
            return [line for line in lines if (line.ticket_id, line.pool) == (ticket.ticket_id, pool)]

        gained = places_of(item) - sum(line.quantity for line in mine(reservation.lines))
        more = [Line(ticket.ticket_id, pool, gained, ticket.unit_minor)] if gained > 0 else []
        more = priced(code.terms if code else None, more)
        lines = joined_lines(reservation.lines, more)
        if gained < 0:
            lines, _ = without_places(reservation.lines, ticket.ticket_id, pool, -gained)
        refusal: Result | None = self._code_places(code, lines) or self._limit_refusal(reservation, terms, gained)
        refusal = refusal or self._code_left(reservation, code, lines)
        if refusal:
            return refusal
        if short := self._short(reservation.event_id, more, code):
            return self._short_of(reservation.event_id, short)
        if gained > 0:
            pass
        elif gained < 0:
            lines, _ = without_places(reservation.lines, ticket.ticket_id, pool, -gained)
        else:
            lines = list(reservation.lines)
        return lines, mine(lines)

    def _limit_refusal(self, reservation: Reservation, terms: Terms, gained: int) -> LimitExceeded | None:
        taken = self.customer_places(reservation.event_id, reservation.customer_id)
        exceeds = gained > 0 and taken + gained > terms.max_per_customer
        return LimitExceeded(terms.max_per_customer, taken) if exceeds else None

    def _seats_added(
        self, reservation: Reservation, terms: Terms, item: NamedSeats | BestSeats, code: Code | None
    ) -> tuple[list[Line], list[Line]] | Result:
        before, asked = reservation.lines, item
        if isinstance(item, NamedSeats):
            had = {seat for line in before if line.pool == item.pool for seat in line.seats}
            new = [seat for seat in item.seats if seat not in had]
            asked = NamedSeats(item.ticket_id, len(new), item.pool, new)
        more = choose(self, reservation.event_id, terms, [asked])
        if isinstance(more, Result):
            return more
        own = code.terms if code else None
        exceeded = self._limit_refusal(reservation, terms, sum(line.quantity for line in more))
        more = priced(own, more)
        if isinstance(item, BestSeats):
            lines = joined_lines(before, more)
            refusal = self._code_places(code, lines) or exceeded or self._code_left(reservation, code, lines)
            return refusal or (lines, more)
        same = [line for line in before if (line.ticket_id, line.pool) == (item.ticket_id, item.pool)]
        changed = [seat for seat in item.seats if not any(seat in line.seats for line in same)]
        ticket = next(ticket for ticket in terms.tickets if ticket.ticket_id == item.ticket_id)
        more = [Line(item.ticket_id, item.pool, len(changed), ticket.unit_minor, changed)] if changed else []
        more = priced(own, more)
        lines = joined_lines(without_seats(before, item.pool, changed), more) if changed else list(before)
        refusal = self._code_places(code, lines) or exceeded or self._code_left(reservation, code, lines)
        if refusal:
            return refusal
        asked_for = [
            replace(line, quantity=len({*line.seats} & {*item.seats}))
            for line in lines
            if (line.ticket_id, line.pool) == (item.ticket_id, item.pool)
        ]
        return lines, asked_for

    def _remove(self, reservation: Reservation, command: Remove | RemovePlaces) -> Result:
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
        if isinstance(command, Remove):
            mine = {seat for line in reservation.lines if line.pool == command.pool for seat in line.seats}
            if not mine.issuperset(command.seats):
                return NotHeld()
            rest = without_seats(reservation.lines, command.pool, command.seats)
        else:
            rest, gone = without_places(reservation.lines, command.ticket_id, None, reservation.places())
            if not gone:
                return NotHeld()
        if not rest:
            self._give_back(reservation, State.CANCELLED)
            return Cancelled(self.now_ms, False, reservation.record())
        self._change_lines(reservation, rest)
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _claim(self, reservation: Reservation, customer_id: str) -> Result:
        if reservation.state not in (State.HELD, State.PAYING):
            return _NOT_CHANGEABLE[reservation.state]
        if reservation.customer_id == customer_id:
            return Held(self.now_ms, True, reservation.record())
        limit = self.terms[reservation.event_id].max_per_customer
        taken = self.customer_places(reservation.event_id, customer_id)
        if taken + reservation.places() > limit:
            return Again() if self._backlog else LimitExceeded(limit, taken)
        reservation.customer_id = customer_id
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _shorten(self, reservation: Reservation, deadline_ms: int) -> Result:
        if reservation.state is not State.HELD:
            return _NOT_CHANGEABLE[reservation.state]
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

    def _have(self, reservation: Reservation, lines: list[Line]) -> None:
        """A paid reservation has these places; those of slots count until those are purged."""
        self._change_lines(reservation, lines)
        reservation.visits = {
            pool: self._slots.until_ms(reservation.event_id, pool)
            for pool in reservation.slots()
            if self._is_there(reservation.event_id, pool)
        }

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

    def _on_sold(self, command: Refund | RefundSome | Restock | Exchange) -> Result:
        """What takes a record from Postgres where Redis no longer keeps it."""
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
        return self._refund(reservation, command.restock)

    def _restock(self, reservation: Reservation) -> bool:
        kept, reservation.kept = reservation.kept, []
        if kept:
            self._fact(FactWord.RESTOCKED, reservation)
        return bool(kept)

    def _give_up(self, reservation: Reservation, lines: Sequence[Line], restock: bool) -> None:
        """Places are sold no more; those of slots that are long past are nowhere any more."""
        if not restock:
            there = [line for line in lines if self._is_there(reservation.event_id, line.pool)]
            reservation.kept = joined_lines(reservation.kept, there)

    def _is_there(self, event_id: int, pool: str) -> bool:
        return slot_of_pool(pool) is None or (event_id, pool) in self.slots

    def _refund(self, reservation: Reservation, restock: bool) -> Result:
        if reservation.state in (State.REFUND_DUE, State.REFUNDED):
            restocked = restock and self._restock(reservation)
            kind = RefundDue if reservation.state is State.REFUND_DUE else Refunded
            return kind(self.now_ms, not restocked, reservation.record())
        if reservation.state is not State.PAID:
            return NotPaid(reservation.state)
        if reservation.pending_exchange():
            return PaymentInProgress()
        rid, worth = reservation.reservation_id, reservation.record().total_minor
        places = places_by_ticket(reservation.lines, reservation.places())
        reservation.give_back_money(rid, reservation.left_minor(), self.now_ms, places, worth)
        reservation.end_payments(rid, self.now_ms)
        self._give_up(reservation, reservation.lines, restock)
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
            return NotPaid(reservation.state)
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
