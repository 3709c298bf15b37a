"""An event with codes, as the engine's tests use it."""

from typing import Any

from msgspec.structs import replace

from engine.commands.codes import CountCodes, PutCodes
from engine.commands.events import Count, PutEvent
from engine.commands.holds import Add, Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.records import Record
from engine.results.codes import CodesCounted, CodesPut
from engine.results.events import Counts
from engine.results.holds import Held
from engine.results.reservations import Found
from engine.results.result import Result
from engine.stock import CodeCounts, PoolCapacity, SectionMap, TicketCounts
from engine.terms import CodeTerms, Terms, TicketTerms
from engine.words import CodeKind, DiscountForm, EventStatus

EVENT, VIP, REGULAR, STALLS = 1, 7, 8, 9
PRICE = 10_000
SECTION = "s1"
CODE = "FAN27"

ACCESS = CodeTerms(CodeKind.ACCESS)
HALF = CodeTerms(CodeKind.DISCOUNT, form=DiscountForm.PERCENT, amount=50)


def allocation(places: int, **more: Any) -> CodeTerms:
    """Places of the VIP ticket are set aside."""
    return CodeTerms(CodeKind.ALLOCATION, [VIP], places=places, **more)


class CodedEvent:
    """Commands on one event with two general tickets and one with seats."""

    def __init__(self, engine: Engine, event_id: int = EVENT) -> None:
        self.engine, self.event_id = engine, event_id
        self._version = 0
        self.capacity = 0
        self.terms: Terms

    async def publish(self, capacity: int = 100, **fields: Any) -> None:
        self.capacity = capacity
        tickets = [
            TicketTerms(VIP, [str(VIP)], PRICE),
            TicketTerms(REGULAR, [str(REGULAR)], PRICE // 2),
            TicketTerms(STALLS, [SECTION], PRICE, assigned=True),
        ]
        self.terms = replace(Terms(EventStatus.ON_SALE, 0, 0, 60_000, 1_000_000, tickets), **fields)
        await self.change()

    async def change(self, **fields: Any) -> Result:
        """Other terms."""
        self.terms = replace(self.terms, **fields)
        self._version += 1
        pools = [PoolCapacity(str(VIP), self.capacity), PoolCapacity(str(REGULAR), self.capacity)]
        terms = replace(self.terms, version=self._version)
        return await self.engine.submit(PutEvent(self.event_id, terms, pools, [SectionMap(SECTION, "aaaa\naaaa")]))

    async def try_put(self, terms: CodeTerms, *codes: str, **how: Any) -> Result:
        return await self.engine.submit(PutCodes(self.event_id, terms, list(codes or [CODE]), **how))

    async def put(self, terms: CodeTerms, *codes: str, **how: Any) -> None:
        result = await self.try_put(terms, *codes, **how)
        assert isinstance(result, CodesPut), result

    async def try_hold(
        self, places: int = 1, *, customer: str = "anna", code: str = CODE, ticket: int = VIP, **more: Any
    ) -> Result:
        rid = new_reservation_id(self.event_id)
        wish = more.pop("wish", None) or items_text([(ticket, places)])
        return await self.engine.submit(Hold(rid, self.event_id, customer, "{}", rid, wish, code=code, **more))

    async def hold(self, places: int = 1, **more: Any) -> str:
        """The id of a hold."""
        rid = more.pop("rid", None) or new_reservation_id(self.event_id)
        ticket, code, customer = more.pop("ticket", VIP), more.pop("code", CODE), more.pop("customer", "anna")
        wish = more.pop("wish", None) or items_text([(ticket, places)])
        result = await self.engine.submit(Hold(rid, self.event_id, customer, "{}", rid, wish, code=code, **more))
        assert isinstance(result, Held), result
        return rid

    async def add(self, rid: str, item: Any, code: str = CODE) -> Result:
        return await self.engine.submit(Add(rid, self.event_id, "anna", "{}", item, code=code))

    async def pay(self, rid: str) -> None:
        record = await self.record(rid)
        await self.engine.submit(BeginPayment(rid, "pay", record.total_minor, "d"))
        await self.engine.submit(ConfirmPayment(rid, "pay"))

    async def cancel(self, rid: str) -> Result:
        return await self.engine.submit(Cancel(rid))

    async def record(self, rid: str) -> Record:
        found = await self.engine.submit(Find(rid))
        assert isinstance(found, Found), found
        return found.record

    async def counts(self, code: str = CODE) -> CodeCounts:
        counted = await self.engine.submit(CountCodes(self.event_id, [code]))
        assert isinstance(counted, CodesCounted), counted
        return counted.codes[0]

    async def stock(self, ticket: int = VIP) -> TicketCounts:
        counted = await self.engine.submit(Count(self.event_id))
        assert isinstance(counted, Counts), counted
        return next(counts for counts in counted.tickets if counts.ticket_id == ticket)

    async def now_ms(self) -> int:
        return await server_time_ms(self.engine.redis)
