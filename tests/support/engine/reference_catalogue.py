"""Commands on events, seats and codes, for the pure model (reference_model.py)."""

from collections.abc import Sequence

from engine.commands.codes import PutCodes
from engine.commands.events import Count, EndEvent, PutEvent
from engine.commands.seats import BlockSeats, CountSections, ReadSeatMap
from engine.results.codes import CodesPut
from engine.results.events import BelowTaken, Counts, EventEnded, InUse, Published, UnknownPool
from engine.results.internal import Again
from engine.results.result import Result
from engine.results.seats import SeatMap, SeatTaken, SectionsCounted
from engine.slots import slot_of_pool
from engine.stock import PoolCapacity, PoolCounts, SectionSeats, TicketCounts
from engine.words import CodeKind, State
from tests.support.engine.reference_codes import Code
from tests.support.engine.reference_reservation import Counters
from tests.support.engine.reference_sale import Sale
from tests.support.engine.reference_stock import scheduled_capacity


class Catalogue(Sale):
    """Events with their counters, seats and codes."""

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

    def _look(self, command: Count | ReadSeatMap | CountSections) -> Result:
        if isinstance(command, CountSections):
            return self._count_sections(command.event_id)
        if isinstance(command, Count):
            return self._count(command.event_id)
        known = (command.event_id, command.pool) in self.manifests
        return SeatMap(self.now_ms, self.seat_map(command.event_id, command.pool)) if known else UnknownPool(0)

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
