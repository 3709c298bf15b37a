"""A timed event, and who comes."""

from typing import NamedTuple

from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json

TIMES = ["08:00", "10:45", "13:30", "16:15", "19:00", "21:45"]
CAPACITY = 20
DAY = "2027-09-12"
NAMES = {"first_name": "Milind", "last_name": "Rao", "phone_number": "9334556789"}


class Museum(NamedTuple):
    """A timed event in Warsaw, by its path and what the API says of it."""

    front: Front
    event: Json

    @property
    def path(self) -> str:
        return f"/v1/events/{self.event['id']}"

    async def book(
        self, time: str = "13:30", day: str = DAY, headers: dict[str, str] | None = None, **names: Json
    ) -> Answer:
        body = NAMES | {"date": day, "time": time} | names
        return await self.front.call("POST", f"{self.path}/bookings", body, headers=headers)

    async def booked(self, time: str = "13:30", day: str = DAY, **names: Json) -> Json:
        answer = await self.book(time, day, **names)
        assert answer.status == 201, answer
        shapes.check_booking(answer.body)
        return answer.body

    async def change(self, booking: Json, **changes: Json) -> Answer:
        answer = await self.front.call("PATCH", self.at(booking), changes)
        if answer.status == 200:
            shapes.check_booking(answer.body)
        return answer

    async def read(self, booking: Json) -> Answer:
        return await self.front.get(self.at(booking))

    async def listed(self, **wanted: str | int) -> list[str]:
        """The ids of a list, over all its pages."""
        bookings = await self.front.pages(f"{self.path}/bookings", **wanted)
        for booking in bookings:
            shapes.check_booking(booking)
        return [booking["id"] for booking in bookings]

    async def slot(self, time: str = "13:30", day: str = DAY) -> Json:
        slots = await self.front.pages(f"{self.path}/slots", date=day)
        for slot in slots:
            shapes.check_slot(slot)
        return next(slot for slot in slots if slot["time"] == time)

    async def taken(self, time: str = "13:30", day: str = DAY) -> int:
        """Places of a slot that are not available."""
        slot = await self.slot(time, day)
        return int(slot["capacity"] - slot["available"])

    def at(self, booking: Json) -> str:
        return f"{self.path}/bookings/{booking['id']}"


async def open_museum(
    front: Front,
    *,
    capacity: int = CAPACITY,
    times: list[str] | None = None,
    **fields: Json,
) -> Museum:
    schedule = {"times": times or TIMES, "capacity": capacity}
    defaults: Json = {"timezone": "Europe/Warsaw", "starts_at": "2026-01-01T00:00:00Z", "max_per_customer": 1000}
    return Museum(front, await front.event(**(defaults | fields), schedule=schedule))
