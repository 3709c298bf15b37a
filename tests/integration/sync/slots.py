"""A timed event, and what is booked and bought of its slots."""

from datetime import UTC, datetime, time, timedelta

from engine.catalogue import Schedule
from engine.commands import Book, FindBooking, Hold, Move, TimedPlaces, Unbook, items_text
from engine.ids import new_booking_id, new_reservation_id
from engine.records import Booking
from engine.results import Booked, BookingFound, Held, Moved, Unbooked
from engine.words import EventStatus
from sync.catalogue import NewEvent, NewTicket
from tests.integration.sync.box_office import DETAILS, BoxOffice

CAPACITY = 20
_DAY_MS = 86_400_000


class SlotOffice:
    """A box office whose event has a slot at eight every day, and a ticket for it."""

    def __init__(self, office: BoxOffice) -> None:
        self.office = office
        self.engine = office.engine

    async def open(self) -> None:
        self.office.event = await self.office.catalogue.create_event(
            NewEvent(
                name="Museum",
                starts_at=datetime(2027, 6, 1, tzinfo=UTC),
                status=EventStatus.ON_SALE,
                max_per_customer=1000,
                tickets=[NewTicket("Adult", 1500)],
                schedule=Schedule([time(8)], CAPACITY),
            )
        )

    @property
    def event_id(self) -> int:
        return self.office.event.event_id

    def start_ms(self, days: int = 1) -> int:
        """The start of the slot in so many days."""
        day = datetime.now(UTC).date() + timedelta(days=days)
        return round(datetime.combine(day, time(8), UTC).timestamp() * 1000)

    async def book(self, days: int = 1, details: str = DETAILS) -> str:
        return await self.book_at(self.start_ms(days), details)

    async def book_at(self, start_ms: int, details: str = DETAILS) -> str:
        booking_id = new_booking_id()
        booked = await self.engine.submit(Book(self.event_id, booking_id, start_ms, details, "digest"))
        assert isinstance(booked, Booked), booked
        return booking_id

    async def move(self, booking_id: str, days: int = 0, details: str = "") -> None:
        start_ms = self.start_ms(days) if days else 0
        assert isinstance(await self.engine.submit(Move(self.event_id, booking_id, start_ms, details)), Moved)

    async def unbook(self, booking_id: str) -> None:
        unbooked = await self.engine.submit(Unbook(self.event_id, booking_id, new_booking_id()))
        assert isinstance(unbooked, Unbooked)

    async def buy(self, quantity: int, days: int = 1) -> str:
        """A paid reservation of a slot."""
        return await self.buy_at(quantity, self.start_ms(days))

    async def buy_at(self, quantity: int, start_ms: int) -> str:
        rid = new_reservation_id(self.event_id)
        items = [TimedPlaces(self.office.ticket_id, quantity, start_ms)]
        assert isinstance(
            await self.engine.submit(Hold(rid, self.event_id, "c1", DETAILS, "digest", items_text(items))), Held
        )
        await self.office.pay(rid)
        return rid

    async def find(self, booking_id: str) -> Booking | None:
        found = await self.engine.submit(FindBooking(self.event_id, booking_id))
        return found.booking if isinstance(found, BookingFound) else None

    async def bring_forward(self) -> None:
        """Lets all that is to be forgotten some day be so now: the clock of a server cannot be moved."""
        for key in (self.office.keys.slots, self.office.keys.purges):
            for member, _until in await self.engine.redis.zrange(key, 0, -1, withscores=True):
                await self.engine.redis.execute_command("ZADD", key, "1", member)
