"""An event whose places are bought and scanned, as the engine's tests use it."""

from itertools import count
from typing import Any

import msgspec

from engine.commands.etickets import CheckIn, Etickets, TransferEticket
from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import Places, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.refunds import Refund, RefundSome
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.records import NumberedEticket
from engine.results.etickets import CheckedIn, EticketsListed
from engine.results.holds import Held
from engine.results.payments import Paid
from engine.results.refunds import RefundDue
from engine.stock import PoolCapacity
from engine.terms import ScheduleTerms, Terms, TicketTerms
from engine.words import EventStatus

REGULAR, VIP = 7, 8
PRICE_MINOR = 100
NAMES = '{"first_name":"Islom","last_name":"Karimov"}'


class Doors:
    """Sales and scans of one event."""

    def __init__(self, engine: Engine, event_id: int = 1) -> None:
        self.engine, self.event_id = engine, event_id
        self._nonces = count()

    async def publish(self, capacity: int = 10_000) -> None:
        tickets = [TicketTerms(ticket, [str(ticket)], PRICE_MINOR) for ticket in (REGULAR, VIP)]
        terms = Terms(EventStatus.ON_SALE, 0, 0, 600_000, 10_000, tickets)
        pools = [PoolCapacity(str(ticket), capacity) for ticket in (REGULAR, VIP)]
        await self.engine.submit(PutEvent(self.event_id, terms, pools))

    async def sold(self, **places: int) -> str:
        """A paid reservation of that many `regular` and `vip` places."""
        rid = new_reservation_id(self.event_id)
        items = [
            Places(ticket, places[name]) for name, ticket in (("regular", REGULAR), ("vip", VIP)) if name in places
        ]
        hold = Hold(rid, self.event_id, rid[-7:], NAMES, "digest", items_text(items))
        assert isinstance(await self.engine.submit(hold), Held)
        total = PRICE_MINOR * sum(places.values())
        await self.engine.submit(BeginPayment(rid, f"pay-{rid}", total, "by card"))
        assert isinstance(await self.engine.submit(ConfirmPayment(rid, f"pay-{rid}")), Paid)
        return rid

    async def sold_slot(self, start_ms: int) -> str:
        """A paid place of a slot that begins at an instant; the event becomes timed by that."""
        ticket = TicketTerms(REGULAR, [], PRICE_MINOR, timed=True)
        schedule = ScheduleTerms(10, ["13:30"], [1, 2, 3, 4, 5, 6, 7])
        terms = Terms(EventStatus.ON_SALE, 0, 0, 600_000, 10_000, [ticket], version=1, schedule=schedule)
        await self.engine.submit(PutEvent(self.event_id, terms, []))
        rid = new_reservation_id(self.event_id)
        items = items_text([TimedPlaces(REGULAR, 1, "2027-09-12T13:30", start_ms)])
        assert isinstance(await self.engine.submit(Hold(rid, self.event_id, "c", NAMES, "digest", items)), Held)
        await self.engine.submit(BeginPayment(rid, f"pay-{rid}", PRICE_MINOR, "by card"))
        assert isinstance(await self.engine.submit(ConfirmPayment(rid, f"pay-{rid}")), Paid)
        return rid

    async def refund(self, rid: str, ticket: int = 0, quantity: int = 0) -> bool:
        """Refunds that many places of a ticket, or all; False if they are not there."""
        command: Any = Refund(rid, restock=True)
        if quantity:
            command = RefundSome(rid, f"refund-{rid}-{next(self._nonces)}", restock=True, items=[(ticket, quantity)])
        return isinstance(await self.engine.submit(command), RefundDue)

    async def etickets(self, rid: str) -> list[NumberedEticket]:
        listed = await self.engine.submit(Etickets(rid))
        assert isinstance(listed, EticketsListed)
        return listed.etickets

    async def transfer(self, number: int) -> str:
        """Gives an e-ticket to Anna; the word of the answer."""
        request_id = str(next(self._nonces))
        result = await self.engine.submit(TransferEticket(self.event_id, number, '{"first_name":"Anna"}', request_id))
        return str(msgspec.to_builtins(result)[0])

    async def scan(
        self,
        number: int,
        gate: str = "north",
        *,
        issue: int = 0,
        nonce: str = "",
        direction: str = "in",
        scanned_ms: int = 0,
        offline: bool = False,
        verdict: str = "",
        times: tuple[int, int, int] = (0, 0, 0),
    ) -> CheckedIn:
        nonce = nonce or f"own-{next(self._nonces)}"
        command = CheckIn(self.event_id, number, issue, verdict, gate, nonce, direction, scanned_ms, offline, times)
        return await self.engine.submit(command)
