"""A timed event, and what is booked and bought of its slots."""

from datetime import UTC, datetime, time, timedelta

from engine.catalogue import Schedule
from engine.commands.bookings import Book, FindBooking, Move, Unbook
from engine.commands.holds import Hold
from engine.commands.items import TimedPlaces, items_text
from engine.ids import new_booking_id, new_reservation_id
from engine.records import Booking
from engine.results.bookings import Booked, BookingFound, Moved, Unbooked
from engine.results.holds import Held
from engine.slots import slot_pool, slot_start_ms, slot_text
from engine.words import EventStatus
from sync.catalogue.fields import NewEvent, NewTicket
from tests.support.sync.box_office import DETAILS, BoxOffice

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

    def slot(self, days: int = 1) -> str:
        """The slot in that many days."""
        return slot_text(datetime.now(UTC).date() + timedelta(days=days), time(8))

    def pool(self, days: int = 1) -> str:
        return slot_pool(self.slot(days))

    async def book(
        self, days: int = 1, details: str = DETAILS, phone: str = "", customer_id: str = "", start_ms: int = 0
    ) -> str:
        booking_id = new_booking_id()
        booked = await self.engine.submit(
            Book(self.event_id, booking_id, *self.at(days, start_ms), details, "digest", phone, customer_id)
        )
        assert isinstance(booked, Booked), booked
        return booking_id

    def at(self, days: int, start_ms: int = 0) -> tuple[str, int]:
        """The slot in that many days, and its start, as commands name it; or another start that they tell."""
        return self.slot(days), start_ms or slot_start_ms(self.slot(days), "UTC")

    async def move(self, booking_id: str, days: int = 0, details: str = "", phone: str = "") -> None:
        slot = self.at(days) if days else ("", 0)
        assert isinstance(await self.engine.submit(Move(self.event_id, booking_id, *slot, details, phone)), Moved)

    async def unbook(self, booking_id: str) -> None:
        unbooked = await self.engine.submit(Unbook(self.event_id, booking_id, new_booking_id()))
        assert isinstance(unbooked, Unbooked)

    async def buy(self, quantity: int, days: int = 1, start_ms: int = 0) -> str:
        """A paid reservation of a slot."""
        rid = new_reservation_id(self.event_id)
        items = [TimedPlaces(self.office.ticket_id, quantity, *self.at(days, start_ms))]
        assert isinstance(
            await self.engine.submit(Hold(rid, self.event_id, "c1", DETAILS, "digest", items_text(items))), Held
        )
        await self.office.pay(rid)
        return rid

    async def find(self, booking_id: str) -> Booking | None:
        found = await self.engine.submit(FindBooking(self.event_id, booking_id))
        return found.booking if isinstance(found, BookingFound) else None

    async def bring_forward(self) -> None:
        """Lets all that will be deleted some day be so now: the clock of a server cannot be moved."""
        for key in (self.office.keys.slots, self.office.keys.purges):
            for member, _until in await self.engine.redis.zrange(key, 0, -1, withscores=True):
                await self.engine.redis.execute_command("ZADD", key, "1", member)
