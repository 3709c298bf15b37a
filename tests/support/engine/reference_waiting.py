"""Waiting lists, for the pure model (reference_model.py), written from docs/waiting-list.md and not from `lua/`."""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.facts import WaitingFact
from engine.records import Line, WaitingEntry
from engine.results.events import SaleClosed, SalePaused, UnknownPool
from engine.results.holds import BelowMinimum
from engine.results.internal import Again
from engine.results.limits import LimitExceeded
from engine.results.reservations import NotFound
from engine.results.result import Result
from engine.results.waiting_lists import (
    NoWaitingList,
    PlacesLeft,
    Waiting,
    WaitingDeclined,
    WaitingEnded,
    WaitingFound,
    WaitingTended,
)
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus, FactWord, State, WaitingFactWord, WaitingState
from tests.support.engine.reference_items import own_refusal
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_stock import Stock

OFFER = "offer"
"""The digest of a reservation that is an offer."""

WaitingCommand = Wait | FindWaiting | DeclineWaiting | TendWaiting


class WaitingLists:
    """The waiting entries, and the places that are set aside for the first of them (`stock.aside`)."""

    def __init__(self, stock: Stock, tell: Callable[[FactWord, Reservation], None]) -> None:
        self._stock, self._tell = stock, tell
        self.entries: dict[str, WaitingEntry] = {}
        """All that there ever were, in the order of their numbers."""
        self.numbers: Counter[int] = Counter()
        """By event, the number of the next entry."""
        self.ended: dict[str, int] = {}
        self.facts: list[WaitingFact] = []
        self._for_sale: dict[tuple[int, str], int] = {}
        """Places of a pool that were for sale before what returns now."""
        self._now_ms = 0

    def begin(self, now_ms: int) -> None:
        """A call begins."""
        self._now_ms, self.facts = now_ms, []

    def waiting(self, event_id: int) -> list[WaitingEntry]:
        """The customers who wait for places of an event, in their order."""
        return [
            entry
            for entry in self.entries.values()
            if entry.event_id == event_id and entry.state is WaitingState.WAITING
        ]

    def waits_for(self, event_id: int, customer_id: str) -> int:
        """Places that a customer waits for."""
        return sum(entry.quantity for entry in self.waiting(event_id) if entry.customer_id == customer_id)

    def _change(self, entry: WaitingEntry, state: WaitingState, word: WaitingFactWord, until_ms: int = 0) -> None:
        changed_ms = max(self._now_ms, entry.changed_ms + 1)
        changed = replace(entry, state=state, changed_ms=changed_ms, until_ms=until_ms or entry.until_ms)
        self.entries[entry.waiting_id] = changed
        self.facts.append(WaitingFact(word, self._now_ms, changed))
        if state not in (WaitingState.WAITING, WaitingState.OFFERED):
            self.ended[entry.waiting_id] = self._now_ms

    def end(self, entry: WaitingEntry, state: WaitingState) -> None:
        """An entry ends."""
        self._change(entry, state, WaitingFactWord(state))

    def offer_ended(self, reservation: Reservation, state: WaitingState) -> None:
        """A reservation that was an offer has ended, or is paid for; also late, after it had ended."""
        entry = self.entries[reservation.reservation_id]
        if entry.state is WaitingState.OFFERED or (state is WaitingState.TAKEN and entry.state is not state):
            self.end(entry, state)

    def is_over(self, terms: Terms | None) -> bool:
        """True if nobody waits any more."""
        if terms is None or terms.waiting is None or terms.status in (EventStatus.CLOSED, EventStatus.CANCELLED):
            return True
        return 0 < terms.waiting.ends_ms <= self._now_ms or 0 < terms.closes_ms <= self._now_ms

    # Commands

    def run(self, command: WaitingCommand, sale_refusal: Callable[[Terms], Result | None], *, backlog: bool) -> Result:
        """The answer to a command; what it gives back is offered afterwards, by `settle`."""
        match command:
            case TendWaiting(event_id):
                return WaitingTended(len(self.waiting(event_id)), backlog)
            case Wait():
                return self._wait(command, sale_refusal, backlog=backlog)
        entry = self.entries.get(command.reservation_id)
        if entry is None:
            return NotFound()
        return WaitingFound(self._now_ms, False, entry, self.position(entry))

    def position(self, entry: WaitingEntry) -> int:
        """The place in the line of the entry's ticket, from 1; 0 of one that does not wait."""
        line = [other.number for other in self.waiting(entry.event_id) if other.ticket_id == entry.ticket_id]
        return 1 + line.index(entry.number) if entry.state is WaitingState.WAITING else 0

    def declined(self, entry: WaitingEntry, *, replayed: bool) -> WaitingDeclined:
        """The answer to who gives up."""
        return WaitingDeclined(self._now_ms, replayed, self.entries[entry.waiting_id], 0)

    def _wait(self, command: Wait, sale_refusal: Callable[[Terms], Result | None], *, backlog: bool) -> Result:
        before, terms = self.entries.get(command.waiting_id), self._stock.terms.get(command.event_id)
        if before:
            return Waiting(self._now_ms, True, before, self.position(before))
        if terms is None:
            return UnknownPool(0)
        if terms.waiting is None:
            return NoWaitingList()
        refusal = sale_refusal(terms)
        if refusal and terms.status is not EventStatus.PAUSED:
            return refusal
        if self.is_over(terms):
            return WaitingEnded()
        ticket = next((each for each in terms.tickets if each.ticket_id == command.ticket_id), None)
        refused = self._places_refusal(command, terms, ticket)
        if refused:
            return Again() if backlog and isinstance(refused, LimitExceeded) else refused
        if backlog:
            return Again()
        return self._join(command)

    def _places_refusal(self, command: Wait, terms: Terms, ticket: TicketTerms | None) -> Result | None:
        event_id = command.event_id
        if ticket is None or (ticket.own and ticket.own.hidden):
            return UnknownPool(command.ticket_id)
        if ticket.timed:
            return NoWaitingList()
        refusal = own_refusal(ticket, ticket.own, self._now_ms) if ticket.own else None
        if refusal and not isinstance(refusal, SalePaused):
            return refusal
        if command.quantity < _least(ticket):
            return BelowMinimum(command.ticket_id, _least(ticket))
        capacity = sum(self._stock.counters(event_id, pool).capacity for pool in ticket.pools)
        taken = self._stock.customer_places(event_id, command.customer_id)
        taken += self.waits_for(event_id, command.customer_id)
        limit = min(terms.max_per_customer, capacity)
        if command.quantity > limit or taken + command.quantity > terms.max_per_customer:
            return LimitExceeded(limit, taken)
        available = sum(self._stock.for_sale(event_id, pool) for pool in ticket.pools)
        if not refusal and terms.status is not EventStatus.PAUSED and available >= command.quantity:
            return PlacesLeft(command.ticket_id, available)
        return None

    def _is_sold(self, ticket: TicketTerms) -> bool:
        return ticket.own is None or own_refusal(ticket, ticket.own, self._now_ms) is None

    def _join(self, command: Wait) -> Result:
        entry = WaitingEntry(
            command.waiting_id,
            command.event_id,
            command.ticket_id,
            command.quantity,
            command.customer_id,
            command.details,
            command.contact,
            command.digest,
            self._now_ms,
            0,
            WaitingState.WAITING,
            self.numbers[command.event_id],
            0,
        )
        self.numbers[command.event_id] += 1
        self._change(entry, WaitingState.WAITING, WaitingFactWord.WAITING)
        joined = self.entries[entry.waiting_id]
        return Waiting(self._now_ms, False, joined, self.position(joined))

    # Offers

    def settle(self, partition: int, sale_refusal: Callable[[Terms], Result | None]) -> None:
        """After each command: what returned is set aside for who waits, and offered as far as it is enough."""
        for event_id in sorted({entry.event_id for entry in self.entries.values()}):
            if self._stock.partition(event_id) == partition:
                self._settle(event_id, sale_refusal)

    def _settle(self, event_id: int, sale_refusal: Callable[[Terms], Result | None]) -> None:
        terms = self._stock.terms.get(event_id)
        self._set_aside(event_id, terms)
        if terms is None or self.is_over(terms):
            for entry in self.waiting(event_id):
                self.end(entry, WaitingState.ENDED)
        elif sale_refusal(terms) is None:
            while self._offer(event_id, terms):
                pass
        self._set_aside(event_id, terms)

    def _set_aside(self, event_id: int, terms: Terms | None) -> None:
        """Places for sale stay so; further places, in a pool for which somebody waits, are set aside."""
        lined = self._lined(event_id, terms) if terms and not self.is_over(terms) else set()
        for key in [key for key in self._stock.aside if key[0] == event_id and key[1] not in lined]:
            del self._stock.aside[key], self._for_sale[key]
        for pool in lined:
            key, available = (event_id, pool), self._stock.counters(event_id, pool).available
            if key not in self._stock.aside:
                self._stock.aside[key], self._for_sale[key] = 0, available
            for_sale = max(0, min(self._for_sale[key], available - self._stock.aside[key]))
            self._stock.aside[key], self._for_sale[key] = available - for_sale, for_sale

    def _lined(self, event_id: int, terms: Terms) -> set[str]:
        """The pools for which somebody waits who can be offered their places, now or when the ticket goes on."""
        sold = {pool for ticket in terms.tickets if self._is_sold(ticket) for pool in ticket.pools}
        lined = set()
        waited_for = {entry.ticket_id for entry in self.waiting(event_id)}
        for ticket in terms.tickets:
            refusal = own_refusal(ticket, ticket.own, self._now_ms) if ticket.own else None
            if ticket.ticket_id in waited_for and not isinstance(refusal, UnknownPool | SaleClosed):
                lined |= set(ticket.pools) - (sold if refusal else set())
        return lined

    def _offer(self, event_id: int, terms: Terms) -> bool:
        """Goes through the line once; returns whether anybody was offered something, or had to go."""
        blocked: set[str] = set()
        assert terms.waiting is not None
        changed = False
        for entry in self.waiting(event_id):
            ticket = next((each for each in terms.tickets if each.ticket_id == entry.ticket_id), None)
            if ticket is None or not self._is_sold(ticket):
                continue
            pools = [pool for pool in ticket.pools if pool not in blocked]
            free = sum(self._stock.counters(event_id, pool).available for pool in pools)
            if free == 0 or (terms.waiting.fills_gaps and entry.quantity > free):
                continue
            capacity = sum(self._stock.counters(event_id, pool).capacity for pool in ticket.pools)
            has = self._stock.customer_places(event_id, entry.customer_id)
            if not _least(ticket) <= entry.quantity <= capacity or has + entry.quantity > terms.max_per_customer:
                self.end(entry, WaitingState.ENDED)
                changed = True
            elif entry.quantity <= free:
                self._hold(entry, terms, ticket, pools[0])
                changed = True
            else:
                blocked.update(pools)
        return changed

    def _hold(self, entry: WaitingEntry, terms: Terms, ticket: TicketTerms, pool: str) -> None:
        """Makes the offer: what is set aside goes first."""
        assert terms.waiting is not None
        key = (entry.event_id, pool)
        self._stock.aside[key] = max(0, self._stock.aside[key] - entry.quantity)
        until_ms = self._now_ms + terms.waiting.offer_ms
        offer = Reservation(
            reservation_id=entry.waiting_id,
            event_id=entry.event_id,
            customer_id=entry.customer_id,
            details=entry.details,
            digest=OFFER,
            created_ms=self._now_ms,
            deadline_ms=until_ms,
            lines=[Line(entry.ticket_id, pool, entry.quantity, ticket.unit_minor)],
            currency=terms.currency,
            code=None,
        )
        self._stock.reservations[entry.waiting_id] = offer
        self._tell(FactWord.HELD, offer)
        self._change(entry, WaitingState.OFFERED, WaitingFactWord.OFFERED, until_ms)


def _least(ticket: TicketTerms) -> int:
    """The number of places that a ticket is sold in."""
    return ticket.own.min_quantity if ticket.own else 1


def ordered(facts: Sequence[WaitingFact]) -> list[WaitingFact]:
    """Facts of a call by the number of their entry: lists of two tickets end in any order."""
    return sorted(facts, key=lambda fact: (fact.entry.event_id, fact.entry.number))


def has_more(lines: Sequence[Line], before: Sequence[Line]) -> bool:
    """True if lines have a place that those before have not."""
    had = Counter((line.pool, seat) for line in before for seat in line.seats or [0] * line.quantity)
    have = Counter((line.pool, seat) for line in lines for seat in line.seats or [0] * line.quantity)
    return bool(have - had)


def ending(state: State, *, cancelled: bool) -> WaitingState:
    """The end of an entry whose offer is given back."""
    return WaitingState.ENDED if state is State.EXPIRED or cancelled else WaitingState.DECLINED
