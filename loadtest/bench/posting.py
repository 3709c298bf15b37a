"""What the contestants are asked for: the body of a hold, in which some numbers change from request to request."""

from typing import NamedTuple

import msgspec

_CUSTOMERS = 100_000_000


class Counter(NamedTuple):
    """A number in a body: in request n, from 0, it is `first + n * step % among`: always as many digits."""

    first: int
    step: int = 1
    among: int = _CUSTOMERS

    def at(self, number: int) -> int:
        """The number in that request."""
        return self.first + number * self.step % self.among


class Posting(NamedTuple):
    """The `items` of a hold as JSON, with `%d` where the numbers go."""

    items: str
    numbers: tuple[Counter, ...] = ()

    def template(self, prefix: str) -> str:
        """The whole body. Its last number is the customer's, whose id begins with `prefix`."""
        customer = {"id": f"{prefix}%d", "first_name": "Islom", "last_name": "Karimov"}
        return f'{{"items":{self.items},"customer":{msgspec.json.encode(customer).decode()}}}'

    @property
    def counters(self) -> tuple[Counter, ...]:
        """What the numbers of `template` are."""
        return *self.numbers, Counter(_CUSTOMERS)

    def body(self, prefix: str, number: int = 0) -> bytes:
        """The body of one request."""
        return (self.template(prefix) % tuple(counter.at(number) for counter in self.counters)).encode()
