"""State of the servers after a drop, read from Redis, Postgres and the API, for the verdict."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from engine.catalogue import read_venue
from engine.engine import Engine
from engine.seats import SeatPlaces
from engine.settings import Settings
from loadtest.drop.fixtures import Stage
from loadtest.drop.sizes import Size
from loadtest.drop.verdict import Found, Reservation, Stock, agree
from sync.audit.audit import audit
from sync.outbox.catch_up import catch_up
from sync.postgres import Postgres

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_CAUGHT_UP_SECONDS = 60.0
_AGREED_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_PAGE = 100

_RESERVATIONS = """
SELECT r.id, r.status, i.ticket_id, i.quantity, i.seats
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1)
"""


_Taken = tuple[Mapping[str, Reservation], Mapping[int, Stock]]
"""Reservations by id, stock by ticket."""


async def find(settings: Settings, api_url: str, token: str, stage: Stage, size: Size) -> Found:
    """Waits until Postgres has everything, and reads it all.

    Raises aiohttp.ClientError, RedisError or PostgresAway for a server that cannot be asked, TimeoutError for a sync
    worker that does not end.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        Engine(settings) as engine,
        Postgres(settings) as postgres,
        aiohttp.ClientSession(api_url, headers=headers, timeout=_TIMEOUT) as session,
    ):
        if not await catch_up(engine.redis, postgres, engine.keys, patience_seconds=_CAUGHT_UP_SECONDS):
            raise TimeoutError("Postgres has not caught up: is the sync worker alive?")
        seat_at = await _seats_of(engine, stage)

        async def read() -> _Taken:
            reservations = await _reservations(postgres, stage, seat_at)
            return reservations, {ticket_id: await _stock(session, ticket_id) for ticket_id in stage.tickets}

        reservations, stock = await until_they_agree(read)
        return Found(await audit(settings), reservations, stock, await _bookings(session, stage), size.slot_capacity)


async def until_they_agree(read: Callable[[], Awaitable[_Taken]], patience_seconds: float = _AGREED_SECONDS) -> _Taken:
    """Read again and again while reservations and stock differ.

    Returns the last reading. People who left without a word leave holds that expire meanwhile, and Postgres has that a
    moment after the engine's counts. A lasting difference is a breach.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + patience_seconds
    while True:
        reservations, stock = await read()
        if agree(reservations, stock) or clock() > deadline:
            return reservations, stock
        await asyncio.sleep(_LOOK_SECONDS)


async def _reservations(postgres: Postgres, stage: Stage, seat_at: Callable[[int], int]) -> dict[str, Reservation]:
    async with postgres.connection() as connection:
        rows = await connection.fetch(_RESERVATIONS, [stage.general_event, stage.seated_event])
    places: dict[str, dict[int, int]] = {}
    seats: dict[str, list[int]] = {}
    for rid, _, ticket_id, quantity, positions in rows:
        of = places.setdefault(rid, {})
        of[ticket_id] = of.get(ticket_id, 0) + quantity
        seats.setdefault(rid, []).extend(map(seat_at, positions))
    return {rid: Reservation(status, places[rid], seats[rid]) for rid, status, *_ in rows}


async def _seats_of(engine: Engine, stage: Stage) -> Callable[[int], int]:
    """A function from a place in a section's map, which records name, to the seat's id."""
    venue = await read_venue(engine.redis, stage.venue)
    if venue is None:
        raise LookupError(f"venue {stage.venue} is not published")
    places = SeatPlaces(next(section for section in venue.sections if section.section_id == stage.section))
    return lambda place: places.seat_at(place)[0]


async def _stock(session: aiohttp.ClientSession, ticket_id: int) -> Stock:
    ticket = await _get(session, f"/v1/tickets/{ticket_id}")
    return Stock(ticket["capacity"], ticket["available"], ticket["held"], ticket["sold"])


async def _bookings(session: aiohttp.ClientSession, stage: Stage) -> dict[str, str]:
    found: dict[str, str] = {}
    cursor = ""
    while True:
        path = f"/v1/events/{stage.timed_event}/bookings?limit={_PAGE}{cursor}"
        page = await _get(session, path)
        found |= {booking["id"]: f"{booking['date']} {booking['time']}" for booking in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def _get(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with session.get(path, raise_for_status=True) as response:
        body: dict[str, Any] = json.loads(await response.read())
        return body
