"""Refusals by limits of customers and addresses."""

from engine.results.result import Result


class LimitExceeded(Result, frozen=True, tag="limit_exceeded"):
    """More places than one customer may have of the event, of which `taken` are taken."""

    limit: int
    taken: int


class RateLimited(Result, frozen=True, tag="rate_limited"):
    """Too fast, or a cool-down: to be asked again in `retry_ms`. `who`: address, customer, expiries or payments."""

    who: str
    retry_ms: int


class TooManyHolds(Result, frozen=True, tag="too_many_holds"):
    """That many holds of the customer live at the event already."""

    limit: int


class HeldUnbought(Result, frozen=True, tag="held_unbought"):
    """Too many places, after what was held and not bought.

    `who` (customer, address, or nobody: all carts without a customer) may hold `most` places at once, each time for
    `hold_ms`, and holds `taken`. In `retry_ms` those have expired; 0: it holds none, but asks for more than `most`.
    """

    who: str
    most: int
    taken: int
    hold_ms: int
    retry_ms: int
