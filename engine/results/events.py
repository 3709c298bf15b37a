"""Results about events, their tickets and their sale."""

from engine.results.result import Result
from engine.stock import TicketCounts


class EventEnded(Result, frozen=True, tag="event_ended"):
    """The number of holds of a cancelled event that were given back, and a cursor; 0: that was all."""

    cursor: str
    given_back: int


class Published(Result, frozen=True, tag="published"):
    """The event's terms and pools are as asked for."""


class Counts(Result, frozen=True, tag="counts"):
    """The pools of an event's tickets, by ticket id.

    `next_return_ms`: the earliest deadline of a live hold of the event, while some ticket has nothing available and
    something held. Otherwise it is 0, as it is if that deadline is not among the first thousand of the partition.
    `position`: the last entry of the partition's outbox before the batch. While it stays, no counts of the partition
    change. `exact`: the batch had changed nothing before it counted, so these are the only counts with that position.
    """

    now_ms: int
    tickets: list[TicketCounts]
    next_return_ms: int = 0
    position: str = ""
    exact: bool = False


class BelowTaken(Result, frozen=True, tag="below_taken"):
    """The new capacity of the pool is less than the places taken."""

    pool: str
    capacity: int
    taken: int


class SaleClosed(Result, frozen=True, tag="sale_closed"):
    """The event is closed, cancelled, or past its sales window."""


class SalePaused(Result, frozen=True, tag="sale_paused"):
    """The sale is interrupted by its manager, and will go on."""


class NotOnSaleYet(Result, frozen=True, tag="not_on_sale_yet"):
    """The event is a draft (`opens_ms` 0) or its sales window has not opened."""

    opens_ms: int


class UnknownPool(Result, frozen=True, tag="unknown_pool"):
    """No such event (`ticket_id` 0), or no such ticket in it."""

    ticket_id: int


class InUse(Result, frozen=True, tag="in_use"):
    """Places of it are taken, or were. `currency`: in which, where another one was asked for; else empty."""

    currency: str = ""
