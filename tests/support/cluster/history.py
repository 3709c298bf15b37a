"""The answers to clients of a sale, and whether they are still true at the end.

A change that was acknowledged must be there. One whose answer never came may be there or not.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import copy
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from tests.support.api.api_client import Answer, Front, Json, ticket
from tests.support.api.timed_event import NAMES
from tests.support.effort import effort

KINDS = frozenset({"held", "paid", "cancelled", "completed", "booked"})
"""Changes that customers ask for; each is acknowledged in every sale."""

PRICE, CAPACITY, SEATS = 2500, 100_000, 400
_PATIENCE_SECONDS = 25.0
_PAUSE_SECONDS = 0.05
_READ_AT_ONCE = 20
_HOLD_SECONDS = 3600
"""Longer than `make failover` takes: what was held must be so at the end."""

_HURRIED_SECONDS = 0.05
_REST_SECONDS = effort(0.25, _HURRIED_SECONDS)
"""Between two customers. Without it they would fill the machine, and show how it is shared, not what a failure does."""
_EXPECTED = frozenset({200, 201, 202, 204, 402, 404, 409, 410, 503})
_HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": SEATS}]}]}


class Sold(NamedTuple):
    """When a place was taken, of which event, through which API, and how long its customer waited."""

    at: float
    event_id: int
    front: Front
    seconds: float


class History:
    """The states in which each reservation, cart and booking may be at the end, by its path."""

    def __init__(self) -> None:
        self.loses = False
        """The servers lose what they acknowledged: then a payment may find its reservation gone."""
        self.may_be: dict[str, set[str]] = {}
        self.statuses: Counter[int] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.sales: list[Sold] = []
        """The places that were taken, in order."""

    def began(self, path: str, *outcomes: str) -> None:
        """Something was asked for: it may have happened."""
        self.may_be.setdefault(path, set()).update(outcomes)

    def acked(self, path: str, *outcomes: str) -> None:
        """It was acknowledged: nothing else is possible."""
        self.may_be[path] = set(outcomes)
        self.acknowledged[outcomes[0]] += 1

    async def violations(self, front: Front) -> list[str]:
        """The answers that are not true."""
        found, paths = [], iter(self.may_be.items())

        async def look() -> None:
            for path, states in paths:
                answer = await insist(partial(front.get, path))
                state = "gone" if answer is None or answer.status == 404 else answer.body.get("status", "booked")
                if state not in states:
                    found.append(f"{path} is {state}; it was told to be {' or '.join(sorted(states))}")

        async with asyncio.TaskGroup() as group:
            for _ in range(_READ_AT_ONCE):
                group.create_task(look())
        return found


async def insist(call: Callable[[], Awaitable[Answer]], patience_seconds: float = _PATIENCE_SECONDS) -> Answer | None:
    """The answer, after as many repeats as it takes; None if only 503 came."""
    deadline = time.monotonic() + patience_seconds
    while True:
        answer = await call()
        if answer.status != 503:
            return answer
        if time.monotonic() > deadline:
            return None
        await asyncio.sleep(_PAUSE_SECONDS)


class Shop:
    """Events of several partitions, two with seats, one with slots, and customers who buy from all of them."""

    def __init__(self, front: Front, history: History, seed: int) -> None:
        self.front, self.history = front, history
        self.events: list[Json] = []
        self._random = random.Random(seed)  # noqa: S311  # a seed to play it again
        self._seats: list[int] = []

    async def open(self, events: int) -> None:
        """Puts everything on sale."""
        lasting = {"hold_seconds": _HOLD_SECONDS}
        self.events = [await self.front.event(CAPACITY, price=PRICE, **lasting) for _ in range(events)]
        venue = (await self.front.call("POST", "/v1/venues", _HALL)).body
        section = (await self.front.get(f"/v1/venues/{venue['id']}/sections")).body["items"][0]
        self._seats = [seat["id"] for row in section["rows"] for seat in row["seats"]]
        seated = ticket("Stalls", 0, PRICE) | {"section_ids": [section["id"]]}
        del seated["capacity"]
        self.seated = [await self.front.event(venue_id=venue["id"], tickets=[seated], **lasting) for _ in range(2)]
        schedule = {"times": ["10:00", "12:00"], "capacity": CAPACITY}
        self.museum = await self.front.event(schedule=schedule, starts_at="2027-06-01T00:00:00Z")

    def through(self, front: Front) -> "Shop":
        """The same shop, whose customers get answers of another API."""
        other = copy(self)
        other.front = front
        return other

    async def _call(self, method: str, path: str, body: Json | None = None, **headers: str) -> Answer:
        how = {} if body is None else {"body": body}
        answer = await self.front.call(method, path, headers=headers or None, **how)
        self.history.statuses[answer.status] += 1
        assert answer.status in _EXPECTED or self.history.loses, answer
        return answer

    async def buy_forever(self) -> None:
        """One customer after the other."""
        while True:
            kind = self._random.choice(
                [self.take_places, self.take_places, self.take_places, self.fill_cart, self.book]
            )
            await kind()
            await self._rest()

    async def _rest(self) -> None:
        """Keeps the pace of one customer. To lose sales, a failure needs many of them in a moment."""
        await asyncio.sleep(_HURRIED_SECONDS if self.history.loses else _REST_SECONDS)  # no waiting

    async def take_places(self) -> None:
        """Holds a place, and then pays, cancels, or leaves it."""
        key, next_step = str(uuid4()), self._random.random()
        path = await self._hold(self._random.choice(self.events), key)
        if path is None:
            return
        if next_step < 0.5:
            self.history.began(path, "paid", "paying")
            payment = {"amount": PRICE, "currency": "EUR", "payment_token": "tok_visa"}
            paid = await insist(lambda: self._call("POST", f"{path}/pay", payment, **{"Idempotency-Key": key}))
            if paid is not None and paid.status == 200:
                self.history.acked(path, "paid")
            elif paid is not None and paid.status == 402:  # the resolver has voided it, because its outcome was unknown
                self.history.acked(path, "held")
        elif next_step < 0.7:
            self.history.began(path, "cancelled")
            cancelled = await insist(lambda: self._call("DELETE", path))
            if cancelled is not None and cancelled.status == 204:
                self.history.acked(path, "cancelled")

    async def _hold(self, event: Json, key: str) -> str | None:
        """Takes a place; the path of its reservation."""
        body = {
            "items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 1}],
            "customer": {"id": f"c-{key}", "first_name": "Islom", "last_name": "Karimov"},
        }
        began = time.monotonic()
        held = await insist(lambda: self._call("POST", "/v1/reservations", body, **{"Idempotency-Key": key}))
        if held is None or held.status != 201:
            return None
        now = time.monotonic()
        self.history.sales.append(Sold(now, event["id"], self.front, now - began))
        path = f"/v1/reservations/{held.body['id']}"
        self.history.acked(path, "held")
        return path

    async def hold_forever(self, event: Json) -> None:
        """Takes places of one event, one after the other, and leaves them: they tell when it sells."""
        while True:
            await self._hold(event, str(uuid4()))
            await self._rest()

    async def fill_cart(self) -> None:
        """Takes a seat at two events in different partitions, and pays for both at once."""
        path, seat = f"/v1/orders/carts/{uuid4()}", self._random.choice(self._seats)
        for event in self.seated:
            item = {"event_id": event["id"], "seat_id": seat, "price_id": event["tickets"][0]["id"]}
            taken = await insist(lambda item=item: self._call("POST", path, item))  # type: ignore[misc]  # of this turn
            if taken is None or taken.status != 200:
                return
        self.history.acked(path, "open")
        self.history.began(path, "booked", "completed", "failed")
        booked = await insist(lambda: self._call("PUT", f"{path}/book"))
        if booked is None or booked.status != 200:
            return
        payment = f"/v1/payments/{booked.body['payment_id']}"
        ended = await insist(lambda: self._call("POST", f"{payment}/complete"))
        if ended is not None and ended.status == 200:
            self.history.acked(path, "completed")

    async def book(self) -> None:
        """Takes a slot, free of charge."""
        key = str(uuid4())
        phone = str(self._random.randrange(10**9, 10**10))  # a number may have ten places
        body = NAMES | {"date": "2027-06-02", "time": "10:00", "customer": {"id": f"c-{key}"}, "phone_number": phone}
        path = f"/v1/events/{self.museum['id']}/bookings"
        booked = await insist(lambda: self._call("POST", path, body, **{"Idempotency-Key": key}))
        if booked is not None and booked.status == 201:
            self.history.acked(f"{path}/{booked.body['id']}", "booked")
