"""Results of commands on holds."""

from engine.results.result import OnRecord, Result


class Held(OnRecord, frozen=True, tag="held"):
    """The places are taken until the record's deadline."""


class Cancelled(OnRecord, frozen=True, tag="cancelled"):
    """The customer cancelled, and the places were given back."""


class Swept(Result, frozen=True, tag="swept"):
    """The number of holds given back. `more`: more may be due."""

    given_back: int
    more: bool


class PriceChanged(Result, frozen=True, tag="price_changed"):
    """The places cost another total than the one that was expected."""

    total_minor: int
    currency: str


class BelowMinimum(Result, frozen=True, tag="below_minimum"):
    """Fewer places of the ticket than it is sold in."""

    ticket_id: int
    minimum: int


class OnlyFewer(Result, frozen=True, tag="only_fewer"):
    """The reservation is an offer of a waiting list: it may be given fewer of its places, and no others."""


class SoldOut(Result, frozen=True, tag="sold_out"):
    """The ticket has fewer places left than asked for, or not together.

    `largest_block` is the largest number of seats side by side that was available; 0 where seats are not assigned.
    `next_return_ms` is the earliest deadline of a live hold of the event, where nothing is left and something is held;
    otherwise 0.
    """

    ticket_id: int
    available: int
    largest_block: int
    next_return_ms: int = 0
