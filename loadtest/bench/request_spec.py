"""Requests of the benchmark. Some numbers, and the token, change from one to the next."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings

HOLDS_WITH_A_TOKEN = 5
"""A customer may have ten places of an event, and a hold of the benchmark takes two."""

_TOKEN_SECONDS = 3600


class Counter(NamedTuple):
    """A number in a body: in request n, from 0, it is `first + n * step % among`: always as many digits."""

    first: int
    step: int
    among: int


_KEYS = Counter(100_000_000, 1, 900_000_000)


class RequestSpec(NamedTuple):
    """Holds, or reads of a path.

    `items`: what each hold takes, as JSON with `%d` where `numbers` go; empty: the path is read. `code`: the code that
    it names, with `%d` for the last of `numbers` where each has one of its own. `issuer`: the settings with the secret
    for tokens, if every customer has one; each then takes several holds. `keyed`: each has an Idempotency-Key.
    """

    items: str = ""
    numbers: tuple[Counter, ...] = ()
    issuer: Settings | None = None
    path: str = "/v1/reservations"
    code: str = ""
    keyed: bool = False

    @property
    def counters(self) -> tuple[Counter, ...]:
        """All numbers that change from one request to the next, but that of the customer."""
        return (_KEYS, *self.numbers) if self.keyed else self.numbers

    @property
    def takes(self) -> bool:
        """True if the request takes places."""
        return bool(self.items)

    @property
    def times_each(self) -> int:
        """The number of requests of each customer."""
        return HOLDS_WITH_A_TOKEN if self.issuer else 1

    def template(self, host: str, prefix: str) -> str:
        """The whole request, for customers whose ids begin with `prefix`.

        It has `%s` where the token goes, if there is one, then `%d` for each of `counters` and the customer's number.
        """
        if not self.takes:
            return f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        customer = {"id": _customer_id(prefix), "first_name": "Islom", "last_name": "Karimov"}
        code = f',"code":"{self.code}"' if self.code else ""
        body = f'{{"items":{self.items}{code},"customer":{msgspec.json.encode(customer).decode()}}}'
        length = len(body % (*(counter.first for counter in self.numbers), 0))
        token = "Authorization: Bearer %s\r\n" if self.issuer else ""
        key = f"Idempotency-Key: {prefix}%d\r\n" if self.keyed else ""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: {host}\r\n{token}{key}"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )

    def tokens(self, prefix: str, customers: int) -> Iterator[str]:
        """The tokens of the first customers; none where they have none."""
        if self.issuer:
            for number in range(customers):
                yield mint_token(self.issuer, Role.CUSTOMER, _customer_id(prefix) % number, _TOKEN_SECONDS)

    def first(self, host: str, prefix: str) -> bytes:
        """The first request."""
        values = (*self.tokens(prefix, 1), *(counter.first for counter in self.counters), 0)
        template = self.template(host, prefix)
        return (template % values if self.takes else template).encode()


def _customer_id(prefix: str) -> str:
    return f"{prefix}%09d"
