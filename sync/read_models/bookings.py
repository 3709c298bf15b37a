"""Bookings as Postgres has them: lists, and those that Redis no longer keeps."""

from datetime import date, time
from typing import NamedTuple
from uuid import UUID

import msgspec

from engine.records import Booking
from sync.postgres import Connection, Postgres
from sync.sql import statement

_DECODER = msgspec.json.Decoder(Booking)

_FIRST_ID = str(UUID(int=0))
_BEGINNING = ("-infinity", _FIRST_ID)


class BookingPage(NamedTuple):
    """Bookings by slot, and the cursor that the next page begins after; None: there is no next page."""

    bookings: list[Booking]
    next: tuple[str, str] | None


async def list_bookings(
    postgres: Postgres,
    event_id: int,
    *,
    day: date | None = None,
    at: time | None = None,
    expired: bool | None = None,
    now_ms: int,
    limit: int,
    after: tuple[str, str] | None = None,
) -> BookingPage:
    """A page of at most `limit` bookings of an event, by local date and time of their slot, and id.

    Of a date, a local time, or both; `expired` says whether at `now_ms`. `after` is the cursor of the page before: slot
    and id. Raises PostgresAway.
    """
    arguments = (event_id, day, at, *(after or _BEGINNING), expired, now_ms, limit + 1)
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_bookings"), *arguments)
    bookings = [_DECODER.decode(record) for (record,) in rows[:limit]]
    last = bookings[-1] if len(rows) > limit else None
    return BookingPage(bookings, (last.slot, last.booking_id) if last else None)


async def get_booking(postgres: Postgres, event_id: int, booking_id: str) -> Booking | None:
    """One booking, None if Postgres does not have it. Raises PostgresAway."""
    async with postgres.connection() as connection:
        record = await connection.fetchval(statement("read_booking"), event_id, booking_id)
    return None if record is None else _DECODER.decode(record)


async def read_live_bookings(
    connection: Connection, partitions: int, partition: int, now_ms: int
) -> dict[tuple[int, str], Booking]:
    """The bookings of a partition that have not expired, by event and id."""
    rows = await connection.fetch(statement("audit_bookings"), partitions, partition, now_ms)
    bookings = [_DECODER.decode(record) for (record,) in rows]
    return {(booking.event_id, booking.booking_id): booking for booking in bookings}
