"""A crowd that buys while processes are killed, and remembers what it was promised."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import count

from tests.support.effort import effort
from tests.support.system.storefront_client import VISA, Answer, Event, Storefront
from tests.support.waiting import wait_until

_AGAIN_SECONDS = 0.05
_CLIENTS = 64
_REST_SECONDS = effort(0.1, 0.0)
"""Short enough that some are in the middle of something whenever a process dies."""

_SERVED_SECONDS = 30

Tokens = Callable[[int], str | None]
"""The payment token of the nth reservation; None: it is not paid."""


def two_of_three(number: int) -> str | None:
    """Two of three pay."""
    return VISA if number % 3 else None


class Crowd:
    """Buyers who each hold a place, mostly pay for it, and come back at once.

    A request that is answered 503, or not at all, is sent again with the same key until it is answered otherwise. A
    payment is repeated only for as long as the buyer `insists`.
    """

    def __init__(
        self,
        storefront: Storefront,
        events: Sequence[Event],
        tokens: Tokens = two_of_three,
        *,
        insists: Callable[[int], bool] = lambda _number: True,
    ) -> None:
        self.held: set[str] = set()
        """Reservations that were answered 201."""
        self.paid: set[str] = set()
        """Reservations whose payment was answered 200."""
        self.refused: Counter[str] = Counter()
        """Problems other than 503, by their code."""
        self.troubles: Counter[int] = Counter()
        """Answers that were none, by status; 0: the connection ended."""
        self._storefront = storefront
        self._events = events
        self._tokens = tokens
        self._insists = insists
        self._numbers = count(1)
        self._closed = asyncio.Event()

    @asynccontextmanager
    async def buying(self, clients: int = _CLIENTS, *, rest_seconds: float = _REST_SECONDS) -> AsyncIterator[None]:
        """They buy for as long as the block runs; then each ends what it is at. They rest after each reservation."""
        self._closed.clear()
        async with asyncio.TaskGroup() as buyers:
            for _ in range(clients):
                buyers.create_task(self._buy_for_ever(rest_seconds))
            yield
            self._closed.set()

    async def served(self) -> None:
        """Waits until one more hold and one more payment are acknowledged."""
        held, paid = len(self.held), len(self.paid)
        await wait_until(lambda: len(self.held) > held and len(self.paid) > paid, _SERVED_SECONDS, "buyers are served")

    async def _buy_for_ever(self, rest_seconds: float) -> None:
        while not self._closed.is_set():
            await self._buy(next(self._numbers))
            await asyncio.sleep(rest_seconds)

    async def _buy(self, number: int) -> None:
        """One customer holds a place and pays for it."""
        event = self._events[number % len(self._events)]
        held = await self._ask(lambda: self._storefront.hold(event.ticket_id, f"c{number}", f"hold-{number}"))
        if held.status != 201:
            self.refused[f"{held.status} {held.code}"] += 1
            return
        reservation_id = held.body["id"]
        self.held.add(reservation_id)
        token = self._tokens(number)
        if token is None:
            return
        paid = await self._ask(
            lambda: self._storefront.pay(reservation_id, token, f"pay-{number}"), insist=self._insists(number)
        )
        if paid.status == 200:
            self.paid.add(reservation_id)
        elif paid.status not in {0, 202, 503}:
            self.refused[f"{paid.status} {paid.code}"] += 1

    async def _ask(self, request: Callable[[], Coroutine[None, None, Answer]], *, insist: bool = True) -> Answer:
        while True:
            answer = await request()
            if answer.status not in {0, 503}:
                return answer
            self.troubles[answer.status] += 1
            if not insist:
                return answer
            await asyncio.sleep(_AGAIN_SECONDS)
