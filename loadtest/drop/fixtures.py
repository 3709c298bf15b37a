"""Stock of a rehearsal: an event with general places, one in a hall, one with slots."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from loadtest.drop.sizes import Size

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PRICE = {"amount": 2500, "currency": "EUR"}
_STARTS_IN = timedelta(days=30)
_DAY = "%Y-%m-%d"


PLACES_PER_PASS = 4


class Room(msgspec.Struct, frozen=True):
    """The waiting room of the general event."""

    pass_seconds: int
    places_per_pass: int
    max_inside: int


class Stage(msgspec.Struct):
    """Ids of what is on sale; `opens_ms`: when the sale opens, ms since 1970."""

    opens_ms: int
    general_event: int
    general_ticket: int
    seated_event: int
    seated_ticket: int
    venue: int
    section: int
    timed_event: int
    date: str
    times: list[str]
    room: Room | None = None

    @property
    def tickets(self) -> list[int]:
        """The tickets that are counted at the end."""
        return [self.general_ticket, self.seated_ticket]

    @classmethod
    def read(cls, path: Path) -> "Stage":
        """Read the file that `write` made."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """To a file for the crowd."""
        path.write_bytes(msgspec.json.encode(self))


class NotStaged(Exception):
    """The API did not take an event of the rehearsal; the message is its answer."""


def room_of(size: Size) -> Room:
    """A room in which a pass ends before a hold of it does.

    So when the places of a customer who left silently return, they are promised to nobody.
    """
    return Room(size.hold_seconds, PLACES_PER_PASS, max(2, size.places // 2))


async def set_stage(api_url: str, token: str, size: Size, delay_seconds: float, room: Room | None = None) -> Stage:
    """Makes the venue and the events. Their sale opens `size.opens_after` seconds after the delay.

    `room`: of the general event, open at once.

    Raises NotStaged, or aiohttp.ClientError if the API is not there.
    """
    opens = datetime.now(UTC) + timedelta(seconds=delay_seconds + size.opens_after)
    starts = opens + _STARTS_IN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(api_url, headers=headers, timeout=_TIMEOUT) as session:
        rows = [{"name": str(row), "seats": size.seats_per_row} for row in range(1, size.rows + 1)]
        venue = await _post(session, "/v1/venues", {"name": "Arena", "sections": [{"name": "Stalls", "rows": rows}]})
        async with session.get(f"/v1/venues/{venue['id']}/sections") as response:
            section = (await response.json())["items"][0]["id"]
        common = {
            "starts_at": _rfc3339(starts),
            "status": "on_sale",
            "sale_opens_at": _rfc3339(opens),
            "hold_seconds": size.hold_seconds,
        }
        general = await _post(
            session,
            "/v1/events",
            common
            | {"name": "Drop", "tickets": [{"ticket_type": "Regular", "price": _PRICE, "capacity": size.places}]}
            | _waiting_room(room, opens - timedelta(seconds=delay_seconds + size.opens_after)),
        )
        stalls = {"ticket_type": "Stalls", "price": _PRICE, "section_ids": [section]}
        seated = await _post(
            session, "/v1/events", common | {"name": "Premiere", "venue_id": venue["id"], "tickets": [stalls]}
        )
        times = [f"{10 + number:02}:00" for number in range(size.slots)]
        schedule = {"times": times, "capacity": size.slot_capacity}
        timed = await _post(session, "/v1/events", common | {"name": "Museum", "schedule": schedule, "tickets": []})
    return Stage(
        int(opens.timestamp() * 1000),
        general["id"],
        general["tickets"][0]["id"],
        seated["id"],
        seated["tickets"][0]["id"],
        venue["id"],
        section,
        timed["id"],
        f"{starts:{_DAY}}",
        times,
        room,
    )


def _waiting_room(room: Room | None, opens: datetime) -> dict[str, Any]:
    if room is None:
        return {}
    return {"waiting_room": {"opens_at": _rfc3339(opens), **msgspec.structs.asdict(room)}}


def _rfc3339(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


async def _post(session: aiohttp.ClientSession, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    async with session.post(path, json=body) as response:
        if response.status != 201:
            raise NotStaged(f"POST {path}: {response.status} {await response.text()}")
        made: dict[str, Any] = await response.json()
        return made
