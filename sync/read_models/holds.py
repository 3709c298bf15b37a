"""Live holds and paid reservations as Postgres has them: counted, and listed to be released."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.words import State
from sync.postgres import Postgres
from sync.sql import statement


class HoldsFilter(NamedTuple):
    """Reservations of an event, with places of a ticket, of a customer, with a seat. None: of any.

    `of_events`: of these events alone.
    """

    event_id: int | None
    ticket_id: int | None
    customer_id: str | None
    seat_id: int | None
    of_events: Sequence[int] | None


class InState(NamedTuple):
    """Reservations in one state. `places` and `amounts` are those of the ticket, if one is named.

    `amounts`: minor units by currency.
    """

    reservations: int = 0
    places: int = 0
    customers: int = 0
    amounts: Sequence[tuple[str, int]] = ()


class HoldCounts(NamedTuple):
    """Everybody whom a change may affect. `bookings` are of slots to come, `waiting` places that are waited for."""

    held: InState
    paying: InState
    paid: InState
    bookings: int
    waiting: int


class LiveHold(NamedTuple):
    """A hold and its place in the list."""

    created_ms: int
    reservation_id: str


async def count_holds(postgres: Postgres, wanted: HoldsFilter) -> HoldCounts:
    """Counts what fits. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("count_holds"), *wanted)
        ((bookings, waiting),) = await connection.fetch(statement("count_bookings_and_waiting"), *wanted)
    amounts: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        if row["currency"] is not None:
            amounts.setdefault(row["status"], []).append((row["currency"], row["amount_minor"]))
    by_status = {
        row["status"]: InState(row["reservations"], row["places"], row["customers"], amounts.get(row["status"], ()))
        for row in rows
        if row["currency"] is None
    }
    held, paying, paid = (by_status.get(state, InState()) for state in (State.HELD, State.PAYING, State.PAID))
    return HoldCounts(held, paying, paid, bookings, waiting)


async def list_holds(
    postgres: Postgres, wanted: HoldsFilter, *, after: tuple[int, str] | None, limit: int
) -> list[LiveHold]:
    """Live holds, newest first, from the one after `after`, those with a payment under way too. Raises PostgresAway."""
    created_ms, reservation_id = after or (None, None)
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_holds"), *wanted, created_ms, reservation_id, limit)
    return [LiveHold(*row) for row in rows]
