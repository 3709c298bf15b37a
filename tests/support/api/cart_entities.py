"""The entities of the pure model of carts (cart_model.py): shows, their takings, carts and their payments."""

from dataclasses import dataclass, field
from typing import NamedTuple

HELD, PAYING, PAID, CANCELLED, EXPIRED, REFUND_DUE = "held", "paying", "paid", "cancelled", "expired", "refund_due"


class Show(NamedTuple):
    """An event: its seats, its standing room (0: none is offered), and its terms. Prices: adult, child, standing."""

    seats: int
    standing: int
    hold_ms: int
    limit: int
    prices: tuple[int, int, int]


class Seat(NamedTuple):
    """A seat to be taken, as an adult (0) or a child (1)."""

    seat: int
    price: int


class Standing(NamedTuple):
    """Standing room to be taken, in all."""

    quantity: int


class Moment(NamedTuple):
    """When a call took place: not before the first, not after the second instant."""

    from_ms: int
    until_ms: int


@dataclass
class Deadline:
    """An instant, as exactly as it is known."""

    earliest_ms: int
    latest_ms: int

    def is_over(self, moment: Moment) -> bool:
        """True if it has passed. Raises if that is unknown."""
        assert self.latest_ms <= moment.from_ms or moment.until_ms < self.earliest_ms, "too close to tell"
        return self.latest_ms <= moment.from_ms


@dataclass(eq=False)
class Taking:
    """A reservation, of a cart or of its own."""

    show: int
    customer: str
    deadline: Deadline
    seats: dict[int, int] = field(default_factory=dict)
    standing: int = 0
    state: str = HELD

    @property
    def places(self) -> int:
        """The number of its places."""
        return len(self.seats) + self.standing

    def lines(self) -> list[tuple[int, int | None, int]]:
        """Price, seat and quantity of all that is in it, in order."""
        seats: list[tuple[int, int | None, int]] = [(price, seat, 1) for price, seat in self._by_price()]
        return [*seats, (2, None, self.standing)] if self.standing else seats

    def _by_price(self) -> list[tuple[int, int]]:
        return sorted((price, seat) for seat, price in self.seats.items())


@dataclass(eq=False)
class Payment:
    """A payment of a cart: what it is for, and how it stands."""

    takings: list[Taking]
    amount: int
    status: str = "pending"
    money: bool = False
    """True if the gateway has taken it."""


@dataclass
class Cart:
    """A cart. `payment` is its last; of a cart that started again it is an old one. No deadline: no cart."""

    status: str = "open"
    deadline: Deadline | None = None
    takings: dict[int, Taking] = field(default_factory=dict)
    payment: Payment | None = None
