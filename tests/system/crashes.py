"""What is tried while processes die: each step of a sale, as a shop drives it to its end, and where it can be cut."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import uuid4

from tests.system.storefront import PRICE_MINOR, Answer, Event, Storefront
from tests.system.wires import Moment, Point
from tests.waiting import wait_until

VICTIMS = ("api", "valkey", "sync", "postgres", "gateway")

_AGAIN_SECONDS = 0.05
_PATIENCE_SECONDS = 40
_WRITTEN = [("sync-postgres", b"BEGIN", 1), ("sync-postgres", b"COMMIT", 1), ("sync-valkey", b"XTRIM", 1)]

# Each call and each write of a step, in order. A word of a Lua command has the length before it that msgpack gives it.
CALLS: Mapping[str, Sequence[tuple[str, bytes, int]]] = {
    "hold": [("client-api", b"POST /v1/reservations ", 1), ("api-valkey", b"\xa4hold", 1), *_WRITTEN],
    "pay": [
        ("client-api", b"/pay ", 1),
        ("api-valkey", b"answer:", 1),
        ("api-valkey", b"begin_payment", 1),
        ("api-gateway", b"POST /charges", 1),
        ("api-valkey", b"confirm_payment", 1),
        ("api-valkey", b"answer:", 2),
        *_WRITTEN,
    ],
    "callback": [
        ("client-api", b"/complete ", 1),
        ("api-valkey", b"settle\r\n", 1),
        ("api-valkey", b"confirm_payment", 1),
        ("api-valkey", b"confirm_payment", 2),
        *_WRITTEN,
    ],
    "refund": [
        ("client-api", b"/refund ", 1),
        ("api-valkey", b"answer:", 1),
        ("api-valkey", b"\xa6refund", 1),
        ("api-gateway", b"/refund ", 1),
        ("api-valkey", b"settle_refund", 1),
        ("api-valkey", b"answer:", 2),
        *_WRITTEN,
    ],
    # The API has died after it charged, or before: the resolver goes on.
    "resolve a charge": [("sync-gateway", b"GET /charges/", 1), ("sync-valkey", b"confirm_payment", 1)],
    "resolve no charge": [
        ("sync-gateway", b"GET /charges/", 1),
        ("sync-gateway", b"/void ", 1),
        ("sync-valkey", b"fail_payment", 1),
    ],
}


class Run(NamedTuple):
    """One run of the matrix: who dies at which point of which step."""

    step: str
    point: Point
    victim: str

    def __str__(self) -> str:
        return f"{self.step}: {self.victim} dies {self.point}"


def all_runs(seed: int) -> list[Run]:
    """Every step, point and victim once, in the order of the seed."""
    runs = [
        Run(step, Point(wire, call, moment, nth), victim)
        for step, calls in CALLS.items()
        for wire, call, nth in calls
        for moment in Moment
        for victim in VICTIMS
        if not (victim == "api" and step.startswith("resolve"))  # it is dead already
    ]
    random.Random(seed).shuffle(runs)  # noqa: S311  # no secret
    return runs


class Shop:
    """A shop that drives each step to its end, whatever happens: it repeats with the same key until it is told."""

    def __init__(self, storefront: Storefront, gateway: Storefront) -> None:
        self._storefront = storefront
        self._gateway = gateway
        self._events: list[Event] = []
        self.told: dict[str, str] = {}
        """By reservation: the status that an answer said it has, or `not paid`."""

    async def open(self) -> None:
        """Two events with room for everybody, in partitions of their own."""
        self._events = [await self._storefront.create_event(capacity=100_000) for _ in range(2)]

    async def hold(self) -> str:
        """Holds a place; its id."""
        customer, key = f"c-{uuid4()}", str(uuid4())
        held = await _insist(lambda: self._storefront.hold(self._events[0].ticket_id, customer, key))
        assert held.status == 201, held
        reservation_id: str = held.body["id"]
        self.told[reservation_id] = held.body["status"]
        return reservation_id

    async def pay(self, reservation_id: str) -> None:
        """Pays for it, until it is told yes or no."""
        key = str(uuid4())
        paid = await _insist(lambda: self._storefront.pay(reservation_id, key=key))
        if paid.status == 202:
            await wait_until(lambda: self._is_not("paying", reservation_id), _PATIENCE_SECONDS, "the payment ends")
            paid = await _insist(lambda: self._storefront.reservation(reservation_id))
        assert paid.status == 200 or paid.code == "payment_failed", paid
        self.told[reservation_id] = paid.body["status"] if paid.status == 200 else "not paid"

    async def refund(self, reservation_id: str) -> None:
        """Gives the money back, until it is told that it has gone."""
        key, path = str(uuid4()), f"/v1/reservations/{reservation_id}/refund"
        refunded = await _insist(lambda: self._storefront.ask("POST", path, {"restock": True}, key))
        assert refunded.status in {200, 202}, refunded
        await wait_until(lambda: self._is_not("refund_due", reservation_id), _PATIENCE_SECONDS, "the refund ends")
        self.told[reservation_id] = "refunded"

    async def booked_cart(self) -> tuple[str, list[str]]:
        """A cart with a place of each event, booked, and its money taken; its payment and its reservations."""
        cart = f"/v1/orders/carts/{uuid4()}"
        for event in self._events:
            item = {"event_id": event.event_id, "price_id": event.ticket_id, "quantity": 1}
            added = await self._storefront.ask("POST", cart, item)
            assert added.status == 200, added
        booked = await self._storefront.ask("PUT", f"{cart}/book")
        assert booked.status == 200, booked
        payment_id: str = booked.body["payment_id"]
        charge = {"id": payment_id, "amount": 2 * PRICE_MINOR, "currency": "EUR", "payment_token": "tok_visa"}
        charged = await self._gateway.ask("POST", "/charges", charge)
        assert charged.status == 200, charged
        payment = await self._storefront.ask("GET", f"/v1/payments/{payment_id}")
        return payment_id, payment.body["reservations"]

    async def complete(self, payment_id: str, reservation_ids: list[str]) -> None:
        """The gateway calls back until it is told that everything is sold."""
        completed = await _insist(lambda: self._storefront.ask("POST", f"/v1/payments/{payment_id}/complete"))
        assert (completed.status, completed.body.get("status")) == (200, "completed"), completed
        self.told |= dict.fromkeys(reservation_ids, "paid")

    async def _is_not(self, status: str, reservation_id: str) -> bool:
        answer = await self._storefront.reservation(reservation_id)
        return answer.status == 200 and answer.body["status"] != status


async def _insist(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Asks until the answer is one, as the contract says for 503."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            answer = await ask()
            if answer.status not in {0, 503}:
                return answer
            await asyncio.sleep(_AGAIN_SECONDS)
