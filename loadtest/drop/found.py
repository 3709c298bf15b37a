"""What there is after a drop, read from Redis, Postgres and the API, for the verdict."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp

from engine.catalogue import read_venue
from engine.engine import Engine
from engine.seats import SeatPlaces
from engine.settings import Settings
from loadtest.drop.sizes import Size
from loadtest.drop.stage import Stage
from loadtest.drop.verdict import Found, Reservation, Stock
from sync.audit import audit
from sync.catching_up import catch_up
from sync.postgres import Postgres

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_CAUGHT_UP_SECONDS = 60.0
_PAGE = 100

_RESERVATIONS = """
SELECT r.id, r.status, i.ticket_id, i.quantity, i.seats
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1)
"""


async def find(settings: Settings, api_url: str, token: str, stage: Stage, size: Size) -> Found:
    """Waits until Postgres has everything, and reads it all.

    Raises aiohttp.ClientError, RedisError or PostgresAway for a server that cannot be asked, TimeoutError for a sync
    worker that does not come to its end.
    """
    async with Engine(settings) as engine, Postgres(settings) as postgres:
        if not await catch_up(engine.redis, postgres, engine.keys, patience_seconds=_CAUGHT_UP_SECONDS):
            raise TimeoutError("Postgres has not caught up: is the sync worker alive?")
        breaches = await audit(settings)
        seat_at = await _seats_of(engine, stage)
        async with postgres.connection() as connection:
            rows = await connection.fetch(_RESERVATIONS, [stage.general_event, stage.seated_event])
    places: dict[str, dict[int, int]] = {}
    seats: dict[str, list[int]] = {}
    for rid, _, ticket_id, quantity, positions in rows:
        of = places.setdefault(rid, {})
        of[ticket_id] = of.get(ticket_id, 0) + quantity
        seats.setdefault(rid, []).extend(map(seat_at, positions))
    reservations = {rid: Reservation(status, places[rid], seats[rid]) for rid, status, *_ in rows}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(api_url, headers=headers, timeout=_TIMEOUT) as session:
        stock = {ticket_id: await _stock(session, ticket_id) for ticket_id in stage.tickets}
        bookings = await _bookings(session, stage)
    return Found(breaches, reservations, stock, bookings, size.slot_capacity)


async def _seats_of(engine: Engine, stage: Stage) -> Callable[[int], int]:
    """What makes the id of a seat of its place in the map of the section, which is what records name."""
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
