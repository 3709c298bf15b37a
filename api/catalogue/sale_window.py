"""The instants of bodies, and the window in which an event or a ticket is sold."""

from datetime import UTC, datetime

from api.catalogue.bodies import EventBody, EventPatch, TicketBody, TicketPatch, WaitingListBody, WaitingRoomBody
from api.http.problems import invalid
from api.http.times import milliseconds
from api.http.types import Instant

SALE_WINDOW = ("sale_opens_at", "sale_closes_at")
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def check_instants(
    body: EventBody | EventPatch | TicketBody | TicketPatch | WaitingRoomBody | WaitingListBody,
    names: tuple[str, ...],
    path: str = "",
) -> None:
    """Refuses what Postgres, or a datetime in UTC, cannot hold; and 0 ms, which means "no window" to the library."""
    for name in names:
        instant = getattr(body, name)
        if isinstance(instant, datetime) and not _EARLIEST <= instant < _LATEST:
            raise invalid(f"{path}{name}", f"must be from {_EARLIEST.year} to {_LATEST.year - 1}")


def check_window(opens_ms: int | None, closes_ms: int | None, path: str = "") -> None:
    """Raises Problem invalid for a window that closes before it opens."""
    if opens_ms is not None and closes_ms is not None and closes_ms <= opens_ms:
        raise invalid(f"{path}sale_closes_at", "must be later than sale_opens_at")


def optional_ms(instant: Instant | None) -> int | None:
    """An instant in ms since 1970, None if there is none."""
    return None if instant is None else milliseconds(instant)
