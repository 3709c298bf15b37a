"""An event with a waiting list, as the engine's tests use it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from engine.commands.events import Count, PutEvent
from engine.commands.holds import Cancel, Hold
from engine.commands.items import NamedSeats, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.records import WaitingEntry
from engine.results.events import Counts
from engine.results.holds import Held
from engine.results.payments import Paid, Paying
from engine.results.result import Result
from engine.results.waiting_lists import Waiting, WaitingFound, WaitingTended
from engine.stock import PoolCapacity, SectionMap, TicketCounts
from engine.terms import NO_ROOM, Terms, TicketTerms, WaitingTerms
from engine.words import EventStatus, WaitingState

EVENT, TICKET = 1, 7
OFFER_MS = 60_000


class WaitingEvent:
    """Commands on one event. By default all of its places are sold at once."""

    def __init__(self, engine: Engine, event_id: int = EVENT) -> None:
        self.engine, self.event_id = engine, event_id
        self._version = 0
        self.terms: Terms
        self.capacities: dict[str, int] = {}

    async def publish(
        self,
        capacity: int = 4,
        *,
        offer_ms: int = OFFER_MS,
        ends_in_ms: int = 0,
        fills_gaps: bool = False,
        hold_ms: int = 60_000,
        max_per_customer: int = 10,
        tickets: Sequence[TicketTerms] = (TicketTerms(TICKET, [str(TICKET)], 100),),
        sections: Sequence[SectionMap] = (),
    ) -> None:
        now_ms = await server_time_ms(self.engine.redis)
        ends_ms = now_ms + ends_in_ms if ends_in_ms else 0
        pools = {pool for ticket in tickets for pool in ticket.pools}
        self.capacities = {pool: capacity for pool in pools if pool not in {section.pool for section in sections}}
        self.terms = Terms(
            EventStatus.ON_SALE,
            now_ms - 60_000,
            0,
            hold_ms,
            max_per_customer,
            list(tickets),
            room=NO_ROOM,
            waiting=WaitingTerms(offer_ms, ends_ms, fills_gaps),
        )
        await self._put(sections)

    async def change(self, **fields: Any) -> None:
        """Other terms."""
        self.terms = replace(self.terms, **fields)
        await self._put()

    async def set_capacity(self, capacity: int, pool: str = str(TICKET)) -> Result:
        """Another capacity."""
        self.capacities[pool] = capacity
        return await self._put()

    async def _put(self, sections: Sequence[SectionMap] = ()) -> Result:
        self._version += 1
        pools = [PoolCapacity(pool, capacity) for pool, capacity in self.capacities.items()]
        terms = replace(self.terms, version=self._version)
        return await self.engine.submit(PutEvent(self.event_id, terms, pools, list(sections)))

    async def try_hold(self, customer: str, places: int = 1, ticket_id: int = TICKET, rid: str = "") -> Result:
        """The result of a hold of places."""
        wish = items_text([(ticket_id, places)])
        command = Hold(rid or new_reservation_id(self.event_id), self.event_id, customer, "{}", customer, wish)
        return await self.engine.submit(command)

    async def hold(self, customer: str, places: int = 1, ticket_id: int = TICKET) -> str:
        """The id of a new hold."""
        rid = new_reservation_id(self.event_id)
        held = await self.try_hold(customer, places, ticket_id, rid)
        assert isinstance(held, Held), held
        return rid

    async def hold_seats(self, customer: str, seats: list[int], pool: str = "s1", ticket_id: int = TICKET) -> str:
        """The id of a new hold of seats."""
        rid, wish = new_reservation_id(self.event_id), items_text([NamedSeats(ticket_id, len(seats), pool, seats)])
        held = await self.engine.submit(Hold(rid, self.event_id, customer, "{}", customer, wish))
        assert isinstance(held, Held), held
        return rid

    async def try_wait(self, customer: str, places: int = 1, ticket_id: int = TICKET, waiting_id: str = "") -> Result:
        """The result of a request for a place in line."""
        waiting_id = waiting_id or new_reservation_id(self.event_id)
        return await self.engine.submit(
            Wait(
                self.event_id,
                waiting_id,
                customer,
                "{}",
                f'{{"email":"{customer}@example.com"}}',
                "",
                ticket_id,
                places,
            )
        )

    async def wait(self, customer: str, places: int = 1, ticket_id: int = TICKET) -> str:
        """The id of a new entry."""
        waiting = await self.try_wait(customer, places, ticket_id)
        assert isinstance(waiting, Waiting), waiting
        return waiting.entry.waiting_id

    async def found(self, waiting_id: str) -> WaitingFound:
        """An entry and its place in line."""
        found = await self.engine.submit(FindWaiting(waiting_id))
        assert isinstance(found, WaitingFound), found
        return found

    async def entry(self, waiting_id: str) -> WaitingEntry:
        """An entry."""
        return (await self.found(waiting_id)).entry

    async def states(self, *waiting_ids: str) -> list[WaitingState]:
        """The states of entries."""
        return [(await self.entry(each)).state for each in waiting_ids]

    async def cancel(self, reservation_id: str) -> Result:
        """Ends a hold."""
        return await self.engine.submit(Cancel(reservation_id))

    async def decline(self, waiting_id: str) -> Result:
        """Gives up a place in line, or an offer."""
        return await self.engine.submit(DeclineWaiting(waiting_id))

    async def pay(self, reservation_id: str, amount_minor: int) -> None:
        """Pays for a hold."""
        paying = await self.engine.submit(BeginPayment(reservation_id, f"pay-{reservation_id}", amount_minor, ""))
        assert isinstance(paying, Paying), paying
        paid = await self.engine.submit(ConfirmPayment(reservation_id, f"pay-{reservation_id}"))
        assert isinstance(paid, Paid), paid

    async def counts(self, place: int = 0) -> TicketCounts:
        """The counters of a ticket."""
        counts = await self.engine.submit(Count(self.event_id))
        assert isinstance(counts, Counts)
        return counts.tickets[place]

    async def tend(self) -> WaitingTended:
        """A slice of the upkeep."""
        tended = await self.engine.submit(TendWaiting(self.event_id))
        assert isinstance(tended, WaitingTended), tended
        return tended
