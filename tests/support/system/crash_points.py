"""Steps that are tried while processes die: each step of a sale, as a shop completes it, and where it can be cut."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from tests.support.system.fault_proxy import Moment, Point
from tests.support.system.storefront_client import PRICE_MINOR, Answer, Event, Storefront
from tests.support.waiting import wait_until

VICTIMS = ("api", "valkey", "sync", "postgres", "gateway")

CODE = "FAN27"
CODE_PRICE_MINOR = PRICE_MINOR * 6 // 10
"""Under the code, which takes 40 % off."""

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
    "refund some": [
        ("client-api", b"/refund ", 1),
        ("api-valkey", b"answer:", 1),
        ("api-valkey", b"refund_some", 1),
        ("api-gateway", b"/refund ", 1),
        ("api-valkey", b"settle_refund", 1),
        ("api-valkey", b"answer:", 2),
        *_WRITTEN,
    ],
    "exchange for more": [
        ("client-api", b"/exchange ", 1),
        ("api-valkey", b"answer:", 1),
        ("api-valkey", b"\xa8exchange", 1),
        ("api-gateway", b"POST /charges", 1),
        ("api-valkey", b"confirm_payment", 1),
        ("api-valkey", b"answer:", 2),
        *_WRITTEN,
    ],
    "exchange for less": [
        ("client-api", b"/exchange ", 1),
        ("api-valkey", b"\xa8exchange", 1),
        ("api-gateway", b"/refund ", 1),
        ("api-valkey", b"settle_refund", 1),
        *_WRITTEN,
    ],
    "cancel and refund all": [
        ("client-api", b"PATCH /v1/events/", 1),
        ("client-api", b"/refund ", 1),
        ("sync-valkey", b"\xa6refund", 1),
        ("sync-gateway", b"/refund ", 1),
        ("sync-gateway", b"/refund ", 2),
        ("sync-valkey", b"settle_refund", 1),
        *_WRITTEN,
    ],
    "make codes": [("client-api", b"/codes ", 1), ("api-valkey", b"put_codes", 1)],
    "hold with a code": [("client-api", b"POST /v1/reservations ", 1), ("api-valkey", b"\xa4hold", 1), *_WRITTEN],
    "pay with a code": [
        ("client-api", b"/pay ", 1),
        ("api-valkey", b"begin_payment", 1),
        ("api-gateway", b"POST /charges", 1),
        ("api-valkey", b"confirm_payment", 1),
        *_WRITTEN,
    ],
    "refund with a code": [
        ("client-api", b"/refund ", 1),
        ("api-valkey", b"\xa6refund", 1),
        ("api-gateway", b"/refund ", 1),
        ("api-valkey", b"settle_refund", 1),
        *_WRITTEN,
    ],
    "withdraw a code": [
        ("client-api", b"DELETE /v1/events/", 1),
        ("api-valkey", b"put_codes", 1),
    ],
    "join a waiting list": [("client-api", b"/waiting-list ", 1), ("api-valkey", b"\xa4wait", 1), *_WRITTEN],
    # A place returns, and is offered in the same step.
    "offer a place": [("client-api", b"DELETE /v1/reservations/", 1), ("api-valkey", b"\xa6cancel", 1), *_WRITTEN],
    "decline an offer": [("client-api", b"DELETE /v1/events/", 1), ("api-valkey", b"decline_waiting", 1), *_WRITTEN],
    "pay for an offer": [
        ("client-api", b"/pay ", 1),
        ("api-valkey", b"begin_payment", 1),
        ("api-gateway", b"POST /charges", 1),
        ("api-valkey", b"confirm_payment", 1),
        *_WRITTEN,
    ],
    # The API has died after it charged, or before: the resolver goes on.
    "resolve a charge": [("sync-gateway", b"GET /charges/", 1), ("sync-valkey", b"confirm_payment", 1)],
    "resolve an exchange": [("sync-gateway", b"GET /charges/", 1), ("sync-valkey", b"confirm_payment", 1)],
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


def all_runs(seed: int, steps: str = "", victims: Sequence[str] = VICTIMS) -> list[Run]:
    """Every step, point and victim once, in the order of the seed; each call comes once before any comes twice.

    `steps`: only those whose names begin with one of these, divided by commas.
    """
    runs = [
        Run(step, Point(wire, call, moment, nth), victim)
        for step, calls in CALLS.items()
        for wire, call, nth in calls
        for moment in Moment
        for victim in victims
        if not (victim == "api" and step.startswith("resolve"))  # it is dead already
    ]
    random.Random(seed).shuffle(runs)  # noqa: S311  # no secret
    wanted = [run for run in runs if run.step.startswith(tuple(steps.split(",")))]
    seen: set[tuple[str, str, bytes, int]] = set()
    first, again = list[Run](), list[Run]()
    for run in wanted:
        call = (run.step, run.point.wire, run.point.call, run.point.nth)
        (again if call in seen else first).append(run)
        seen.add(call)
    return [*first, *again]


class Shop:
    """A shop that completes each step, whatever happens: it repeats with the same key until it has the answer."""

    def __init__(self, storefront: Storefront, gateway: Storefront) -> None:
        self._storefront = storefront
        self._gateway = gateway
        self._events: list[Event] = []
        self.told: dict[str, str] = {}
        """By reservation: the status that an answer said it has, or `not paid`."""
        self.places: dict[str, int] = {}
        """By reservation: how many places it has, where an answer said so."""
        self.uses: int | None = None
        """Uses that the code has; None if there is no code."""
        self.waiting: dict[str, str] = {}
        """By entry of the waiting list: its status."""

    async def open(self) -> None:
        """Two events with room for everybody, in partitions of their own."""
        self._events = [await self._new_event() for _ in range(2)]

    @property
    def event_id(self) -> int:
        """The event that is sold first."""
        return self._events[0].event_id

    async def _new_event(self, capacity: int = 100_000, **fields: Any) -> Event:
        """An event, as soon as the API has noticed that what was killed before is back."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                try:
                    return await self._storefront.create_event(capacity=capacity, **fields)
                except AssertionError:
                    await asyncio.sleep(_AGAIN_SECONDS)

    async def hold(self, places: int = 1, code: str | None = None) -> str:
        """Holds places; the id."""
        held = await self._held(places, code)
        assert held.status == 201, held
        reservation_id: str = held.body["id"]
        self.told[reservation_id] = held.body["status"]
        return reservation_id

    async def _held(self, places: int, code: str | None) -> Answer:
        """A new code is unknown until it is published, and frequent requests for it are limited."""
        customer, key = f"c-{uuid4()}", str(uuid4())
        return await _insist(
            lambda: self._storefront.hold(self._events[0].ticket_id, customer, key, places, code), {0, 404, 429, 503}
        )

    async def make_code(self) -> None:
        """Makes a code that one reservation of one place may name."""
        self.uses = 0
        path, key = f"/v1/events/{self._events[0].event_id}/codes", str(uuid4())
        off = {"amount": PRICE_MINOR - CODE_PRICE_MINOR, "currency": "EUR"}
        code = {"kind": "discount", "percent": 40, "codes": [CODE], "max_uses": 1, "budget": off}
        made = await _insist(lambda: self._storefront.ask("POST", path, code, key))
        assert made.status == 201, made

    async def use_code(self) -> str:
        """Holds a place under the code; the id. Nobody else can."""
        reservation_id = await self.hold(code=CODE)
        self.uses = 1
        refused = await self._held(1, CODE)
        assert (refused.status, refused.code) == (409, "code_used_up"), refused
        return reservation_id

    async def make_and_use_code(self) -> None:
        """Makes the code, and holds a place under it as soon as it is known."""
        await self.make_code()
        await self.use_code()

    async def refund_and_use_code_again(self, reservation_id: str) -> None:
        """Gives the money back, with which the use returns."""
        await self.refund(reservation_id)
        await self.use_code()

    async def withdraw_code(self) -> None:
        """Withdraws the code; nobody can use it any more."""
        path = f"/v1/events/{self._events[0].event_id}/codes/{CODE}"
        gone = await _insist(lambda: self._storefront.ask("DELETE", path))
        assert gone.status in {204, 404}, gone
        self.uses = None
        customer = f"c-{uuid4()}"
        refused = await _insist(
            lambda: self._storefront.hold(self._events[0].ticket_id, customer, places=1, code=CODE), {0, 429, 503}
        )
        assert (refused.status, refused.code) == (404, "code_unknown"), refused

    async def open_line(self, entries: int) -> str:
        """An event whose one place is held, for which that many customers wait; the reservation of that place."""
        self._events[0] = await self._new_event(capacity=1, waiting_list={"offer_seconds": 3600})
        reservation_id = await self.hold()
        for _ in range(entries):
            await self.join()
        return reservation_id

    async def join(self) -> None:
        """Takes the next place in line; nobody is offered anything meanwhile."""
        event, key, path = self._events[0], str(uuid4()), self._line()
        who = {"customer": {"id": f"c-{uuid4()}"}, "contact": {"email": "a@example.com"}}
        wish = {"ticket_id": event.ticket_id, "quantity": 1, **who}
        joined = await _insist(lambda: self._storefront.ask("POST", path, wish, key))
        assert joined.status == 201, joined
        assert joined.body["position"] == len(self.waiting) + 1, joined
        self.waiting[joined.body["id"]] = "waiting"

    async def offer(self, reservation_id: str) -> str:
        """Gives the place back; the first in line has it, whose offer this returns."""
        gone = await _insist(lambda: self._storefront.ask("DELETE", f"/v1/reservations/{reservation_id}"))
        assert gone.status == 204, gone
        self.told[reservation_id] = "cancelled"
        return self._offered_next()

    async def decline(self, offer_id: str) -> None:
        """Declines an offer, which the next in line has then."""
        gone = await _insist(lambda: self._storefront.ask("DELETE", f"{self._line()}/{offer_id}"))
        assert gone.status == 204, gone
        self.waiting[offer_id], self.told[offer_id] = "declined", "cancelled"
        self._offered_next()

    async def pay_offer(self, offer_id: str) -> None:
        """Pays for an offer, until the answer is yes or no."""
        await self.pay(offer_id)
        self.waiting[offer_id] = "taken" if self.told[offer_id] == "paid" else "offered"

    def _offered_next(self) -> str:
        offer_id = next(entry for entry, status in self.waiting.items() if status == "waiting")
        self.waiting[offer_id], self.told[offer_id] = "offered", "held"
        return offer_id

    def _line(self) -> str:
        return f"/v1/events/{self._events[0].event_id}/waiting-list"

    async def line_now(self) -> dict[str, str]:
        """By entry, the status that the API tells."""
        told = {}
        for entry in self.waiting:
            answer = await _insist(partial(self._storefront.ask, "GET", f"{self._line()}/{entry}"))
            told[entry] = answer.body["status"]
        return told

    async def code_uses(self) -> int:
        """The number of uses that the API shows."""
        told = await _insist(lambda: self._storefront.ask("GET", f"/v1/events/{self._events[0].event_id}/codes/{CODE}"))
        assert told.status == 200, told
        uses: int = told.body["uses"]
        return uses

    async def pay(self, reservation_id: str, places: int = 1, price_minor: int = PRICE_MINOR) -> None:
        """Pays for it, until the answer is yes or no."""
        key = str(uuid4())
        paid = await _insist(
            lambda: self._storefront.pay(reservation_id, key=key, places=places, price_minor=price_minor)
        )
        if paid.status == 202:
            await wait_until(lambda: self._is_not("paying", reservation_id), _PATIENCE_SECONDS, "the payment ends")
            paid = await _insist(lambda: self._storefront.reservation(reservation_id))
        assert paid.status == 200 or paid.code == "payment_failed", paid
        self.told[reservation_id] = paid.body["status"] if paid.status == 200 else "not paid"

    async def refund(self, reservation_id: str) -> None:
        """Refunds the money, until the answer says that it has gone."""
        key, path = str(uuid4()), f"/v1/reservations/{reservation_id}/refund"
        refunded = await _insist(lambda: self._storefront.ask("POST", path, {"restock": True}, key))
        assert refunded.status in {200, 202}, refunded
        await wait_until(lambda: self._is_not("refund_due", reservation_id), _PATIENCE_SECONDS, "the refund ends")
        self.told[reservation_id] = "refunded"

    async def refund_some(self, reservation_id: str) -> None:
        """Refunds the money of one of two places, until the answer says that it has gone."""
        key, path = str(uuid4()), f"/v1/reservations/{reservation_id}/refund"
        wish = {"restock": True, "items": [{"ticket_id": self._events[0].ticket_id, "quantity": 1}]}
        refunded = await _insist(lambda: self._storefront.ask("POST", path, wish, key))
        assert refunded.status in {200, 202}, refunded
        self.places[reservation_id] = 1

    async def exchange(self, reservation_id: str, places: int) -> None:
        """Exchanges for that many places, until the answer is yes or no."""
        key, path = str(uuid4()), f"/v1/reservations/{reservation_id}/exchange"
        items = [{"ticket_id": self._events[0].ticket_id, "quantity": places}]
        wish = {"items": items, "payment_token": "tok_visa"}
        moved = await _insist(lambda: self._storefront.ask("POST", path, wish, key))
        if moved.status == 202:
            await wait_until(lambda: self._is_exchanged(reservation_id), _PATIENCE_SECONDS, "the exchange ends")
            moved = await _insist(lambda: self._storefront.reservation(reservation_id))
        elif moved.code == "payment_failed":
            moved = await _insist(lambda: self._storefront.reservation(reservation_id))
        assert moved.status == 200, moved
        self.places[reservation_id] = sum(item["quantity"] for item in moved.body["items"])
        assert self.places[reservation_id] in {places, 3 - places}

    async def _is_exchanged(self, reservation_id: str) -> bool:
        """Returns whether no exchange is under way: then a refund of places that are not there is refused as such."""
        items = [{"ticket_id": self._events[0].ticket_id, "quantity": 99}]
        path = f"/v1/reservations/{reservation_id}/refund"
        answer = await self._storefront.ask("POST", path, {"restock": True, "items": items})
        assert answer.status in {0, 409, 503}, answer
        return answer.code == "not_held"

    async def cancel_and_refund_all(self) -> None:
        """Cancels the event and has everybody refunded, until the answer says that all have their money."""
        path = f"/v1/events/{self._events[0].event_id}"
        cancelled = await _insist(lambda: self._storefront.ask("PATCH", path, {"status": "cancelled"}))
        assert cancelled.status == 200, cancelled
        begun = await _insist(lambda: self._storefront.ask("POST", f"{path}/refund"))
        assert begun.status == 202, begun

        async def all_have_it() -> bool:
            told = await self._storefront.ask("GET", f"{path}/refund")
            return told.status == 200 and told.body["refunded"] == told.body["reservations"] == len(self.told)

        await wait_until(all_have_it, _PATIENCE_SECONDS, "everybody is refunded")
        self.told = dict.fromkeys(self.told, "refunded")

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
        """The gateway calls back until the answer says that everything is sold."""
        completed = await _insist(lambda: self._storefront.ask("POST", f"/v1/payments/{payment_id}/complete"))
        assert (completed.status, completed.body.get("status")) == (200, "completed"), completed
        self.told |= dict.fromkeys(reservation_ids, "paid")

    async def _is_not(self, status: str, reservation_id: str) -> bool:
        answer = await self._storefront.reservation(reservation_id)
        return answer.status == 200 and answer.body["status"] != status


async def _insist(ask: Callable[[], Awaitable[Answer]], again: Collection[int] = (0, 503)) -> Answer:
    """Asks until the answer is one, as the contract says for 503."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            answer = await ask()
            if answer.status not in again:
                return answer
            await asyncio.sleep(_AGAIN_SECONDS)
