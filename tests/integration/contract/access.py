"""Who may call what: every route, asked by everybody, about what is theirs and what is not. The table is MATRIX."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

from api.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.contract.endpoints import HALL, PAYMENT
from tests.integration.contract.front import Answer, Front, Json, order, ticket

OWNER, OTHER = "owner", "other"
"""Two customers. What the matrix is about is the first one's."""

ASKERS = ("nobody", "owner", "other", "service", "manager", "of_event", "of_another")
"""The columns. `of_event` and `of_another` are managers of some events: those that it is about, and another one."""

MATRIX: dict[str, tuple[int, ...]] = {
    #                                              nobody owner other service manager of_event of_another
    "GET /v1/events": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/availability": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/tickets": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/tickets/{ticket_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/venues": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/venues/{venue_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/venues/{venue_id}/sections": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/sections/{section_id}/seats": (200, 200, 200, 200, 200, 200, 200),
    "POST /v1/events": (401, 403, 403, 403, 201, 403, 403),
    "PATCH /v1/events/{event_id}": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/events/{event_id}/tickets": (401, 403, 403, 403, 201, 201, 403),
    "PATCH /v1/tickets/{ticket_id}": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/venues": (401, 403, 403, 403, 201, 403, 403),
    "PATCH /v1/events/{event_id}/seats": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/reservations": (401, 201, 403, 201, 201, 201, 403),
    "GET /v1/reservations": (401, 200, 403, 200, 200, 200, 403),
    "GET /v1/reservations/{reservation_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/reservations/{reservation_id}": (401, 204, 404, 204, 204, 204, 403),
    "POST /v1/reservations/{reservation_id}/pay": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/reservations/{reservation_id}/refund": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/orders/carts/{cart_id}": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/orders/carts/{cart_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}": (401, 200, 404, 200, 200, 200, 403),
    "PUT /v1/orders/carts/{cart_id}/book": (401, 200, 404, 200, 200, 200, 403),
    "GET /v1/payments/{payment_id}": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/payments/{payment_id}/complete": (401, 403, 403, 200, 200, 200, 403),
    "POST /v1/payments/{payment_id}/failed": (401, 403, 403, 200, 200, 200, 403),
    "POST /v1/events/{event_id}/bookings": (401, 201, 201, 201, 201, 201, 403),
    "GET /v1/events/{event_id}/bookings": (401, 403, 403, 200, 200, 200, 403),
    "GET /v1/events/{event_id}/bookings/{booking_id}": (401, 200, 404, 200, 200, 200, 403),
    "PATCH /v1/events/{event_id}/bookings/{booking_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/events/{event_id}/bookings/{booking_id}": (401, 204, 404, 204, 204, 204, 403),
    "GET /v1/events/{event_id}/slots": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/statistics/events": (401, 403, 403, 403, 200, 200, 200),
    "GET /v1/statistics/ticket-types": (401, 403, 403, 403, 200, 403, 403),
    "GET /v1/events/{event_id}/statistics": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/webhooks": (401, 403, 403, 403, 201, 403, 403),
    "GET /v1/webhooks": (401, 403, 403, 403, 200, 403, 403),
    "GET /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 200, 403, 403),
    "PATCH /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 200, 403, 403),
    "DELETE /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 204, 403, 403),
    "POST /v1/webhooks/{webhook_id}/rotate": (401, 403, 403, 403, 200, 403, 403),
    "POST /v1/webhooks/{webhook_id}/test": (401, 403, 403, 403, 202, 403, 403),
    "GET /v1/webhooks/{webhook_id}/deliveries": (401, 403, 403, 403, 200, 403, 403),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": (401, 403, 403, 403, 202, 403, 403),
    "GET /healthz": (200, 200, 200, 200, 200, 200, 200),
    "GET /readyz": (200, 200, 200, 200, 200, 200, 200),
    "GET /metrics": (401, 403, 403, 403, 200, 403, 403),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200, 200),
    "GET /docs": (200, 200, 200, 200, 200, 200, 200),
    "GET /docs/{asset}": (200, 200, 200, 200, 200, 200, 200),
    "GET /demo": (200, 200, 200, 200, 200, 200, 200),
    "GET /demo/{demo_asset}": (200, 200, 200, 200, 200, 200, 200),
}
"""The status of each call about the owner's things. 404: to who asks there is no such thing."""


class Call(NamedTuple):
    """What is sent: a right request, which only who asks can make wrong."""

    path: str
    body: Json = None


class Sale:
    """An event with general and assigned tickets, and the tokens of all askers."""

    def __init__(
        self, front: Front, settings: Settings, event: Json, timed: Json, venue: Json, seats: list[int]
    ) -> None:
        self.front, self._settings = front, settings
        self.event, self.timed_id, self.venue = event, timed["id"], venue
        self.general, self.assigned = (one["id"] for one in event["tickets"])
        self._seats = iter(seats)
        self.tokens = {
            "owner": self.token(Role.CUSTOMER, OWNER),
            "other": self.token(Role.CUSTOMER, OTHER),
            "service": self.token(Role.SERVICE, "web"),
            "manager": self.token(Role.MANAGER, "boss"),
            "of_event": self.token(Role.MANAGER, "stage", [event["id"], timed["id"]]),
            "of_another": self.token(Role.MANAGER, "bar", [event["id"] + 1_000_000]),
        }

    def token(self, role: Role, sub: str, events: list[int] | None = None) -> str:
        return mint_token(self._settings, role, sub, 600, events)

    async def ask(
        self,
        asker: str,
        method: str,
        path: str,
        body: Json = None,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """A call by one of ASKERS."""
        known = {} if asker == "nobody" else {"Authorization": f"Bearer {self.tokens[asker]}"}
        if body is not None:
            more["body"] = body
        return await self.front.call(method, path, headers=known | (headers or {}), **more)

    async def status(self, asker: str, method: str, call: Call) -> int:
        """As `ask`; the status, whatever the answer is made of."""
        headers = {} if asker == "nobody" else {"Authorization": f"Bearer {self.tokens[asker]}"}
        async with self.front.client.request(method, call.path, json=call.body, headers=headers) as response:
            return response.status

    async def _done(self, method: str, path: str, body: Json = None) -> Json:
        """What the owner does before the call of the matrix."""
        answer = await self.ask("owner", method, path, body)
        assert answer.status < 300, answer
        return answer.body

    @property
    def event_path(self) -> str:
        return f"/v1/events/{self.event['id']}"

    @property
    def timed_path(self) -> str:
        return f"/v1/events/{self.timed_id}"

    @property
    def venue_path(self) -> str:
        return f"/v1/venues/{self.venue['id']}"

    def item(self) -> Json:
        """A seat that nobody has, as a cart takes it."""
        return {"event_id": self.event["id"], "price_id": self.assigned, "seat_id": next(self._seats)}

    def booking(self) -> Json:
        """A slot, as the timed event takes it."""
        return {
            "first_name": "Milind",
            "last_name": "Rao",
            "phone_number": "9334556789",
            "date": "2027-09-12",
            "time": "13:30",
        }

    async def slot_booked(self) -> str:
        """The path of a booking that the owner made."""
        made = await self._done("POST", f"{self.timed_path}/bookings", self.booking())
        return f"{self.timed_path}/bookings/{made['id']}"

    async def webhook(self) -> str:
        """The path of a webhook."""
        made = await self.ask("manager", "POST", "/v1/webhooks", _WEBHOOK)
        assert made.status == 201, made
        return f"/v1/webhooks/{made.body['id']}"

    async def delivery(self) -> str:
        """The path of a delivery to a webhook."""
        path = await self.webhook()
        tested = await self.ask("manager", "POST", f"{path}/test")
        return f"{path}/deliveries/{tested.body['id']}"

    async def held(self) -> str:
        """The path of a reservation of the owner."""
        made = await self._done("POST", "/v1/reservations", order((self.general, 1), customer=OWNER))
        return f"/v1/reservations/{made['id']}"

    async def paid(self) -> str:
        path = await self.held()
        await self._done("POST", f"{path}/pay", PAYMENT)
        return path

    async def cart(self) -> tuple[str, Json]:
        """The path of a cart of the owner, and the item in it."""
        path, item = f"/v1/orders/carts/{uuid4()}", self.item()
        await self._done("POST", path, item)
        return path, item

    async def charged(self) -> str:
        """The path of a payment of the owner's reservation."""
        made = await self._done("POST", f"{await self.held()}/pay", PAYMENT)
        return f"/v1/payments/{made['payment']['id']}"

    async def booked(self) -> str:
        """The path of a payment of the owner's cart."""
        path, _ = await self.cart()
        return f"/v1/payments/{(await self._done('PUT', f'{path}/book'))['payment_id']}"


async def _call(path: str, body: Json = None) -> Call:
    return Call(path, body)


async def _on_cart(sale: Sale, more: str = "") -> Call:
    return Call((await sale.cart())[0] + more)


async def _remove(sale: Sale) -> Call:
    path, item = await sale.cart()
    return Call(f"{path}/events/{item['event_id']}/seats/{item['seat_id']}")


async def _list(sale: Sale) -> Call:
    return Call(f"/v1/reservations?customer_id={OWNER}&event_id={sale.event['id']}")


_WEBHOOK = {"url": "http://127.0.0.1:9/hook"}
_NEW_EVENT = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z"}

CALLS: dict[str, Callable[[Sale], Awaitable[Call]]] = {
    "GET /v1/events": lambda _: _call("/v1/events"),
    "GET /v1/events/{event_id}": lambda sale: _call(sale.event_path),
    "GET /v1/events/{event_id}/availability": lambda sale: _call(f"{sale.event_path}/availability"),
    "GET /v1/tickets": lambda _: _call("/v1/tickets"),
    "GET /v1/tickets/{ticket_id}": lambda sale: _call(f"/v1/tickets/{sale.general}"),
    "GET /v1/venues": lambda _: _call("/v1/venues"),
    "GET /v1/venues/{venue_id}": lambda sale: _call(sale.venue_path),
    "GET /v1/venues/{venue_id}/sections": lambda sale: _call(f"{sale.venue_path}/sections"),
    "GET /v1/events/{event_id}/sections/{section_id}/seats": lambda sale: _call(
        f"{sale.event_path}/sections/{sale.venue['sections'][0]['id']}/seats"
    ),
    "POST /v1/events": lambda _: _call("/v1/events", _NEW_EVENT),
    "PATCH /v1/events/{event_id}": lambda sale: _call(sale.event_path, {"name": "Bigger event"}),
    "POST /v1/events/{event_id}/tickets": lambda sale: _call(f"{sale.event_path}/tickets", ticket("VIP", 5)),
    "PATCH /v1/tickets/{ticket_id}": lambda sale: _call(f"/v1/tickets/{sale.general}", {"capacity": 1000}),
    "POST /v1/venues": lambda _: _call("/v1/venues", HALL),
    "PATCH /v1/events/{event_id}/seats": lambda sale: _call(
        f"{sale.event_path}/seats", {"seat_ids": [sale.item()["seat_id"]], "blocked": True}
    ),
    "POST /v1/reservations": lambda sale: _call("/v1/reservations", order((sale.general, 1), customer=OWNER)),
    "GET /v1/reservations": _list,
    "GET /v1/reservations/{reservation_id}": lambda sale: _of(sale.held()),
    "DELETE /v1/reservations/{reservation_id}": lambda sale: _of(sale.held()),
    "POST /v1/reservations/{reservation_id}/pay": lambda sale: _of(sale.held(), "/pay", PAYMENT),
    "POST /v1/reservations/{reservation_id}/refund": lambda sale: _of(sale.paid(), "/refund", {"restock": True}),
    "GET /v1/orders/carts/{cart_id}": _on_cart,
    "POST /v1/orders/carts/{cart_id}": lambda sale: _of(_path(sale.cart()), "", sale.item()),
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}": _remove,
    "PUT /v1/orders/carts/{cart_id}/book": lambda sale: _on_cart(sale, "/book"),
    "GET /v1/payments/{payment_id}": lambda sale: _of(sale.booked()),
    "POST /v1/payments/{payment_id}/complete": lambda sale: _of(sale.booked(), "/complete"),
    "POST /v1/payments/{payment_id}/failed": lambda sale: _of(sale.booked(), "/failed"),
    "POST /v1/events/{event_id}/bookings": lambda sale: _call(f"{sale.timed_path}/bookings", sale.booking()),
    "GET /v1/events/{event_id}/bookings": lambda sale: _call(f"{sale.timed_path}/bookings"),
    "GET /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(sale.slot_booked()),
    "PATCH /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(
        sale.slot_booked(), "", {"phone_number": "9334556780"}
    ),
    "DELETE /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(sale.slot_booked()),
    "GET /v1/events/{event_id}/slots": lambda sale: _call(f"{sale.timed_path}/slots"),
    "GET /v1/statistics/events": lambda _: _call("/v1/statistics/events"),
    "GET /v1/statistics/ticket-types": lambda _: _call("/v1/statistics/ticket-types"),
    "GET /v1/events/{event_id}/statistics": lambda sale: _call(f"{sale.event_path}/statistics"),
    "POST /v1/webhooks": lambda _: _call("/v1/webhooks", _WEBHOOK),
    "GET /v1/webhooks": lambda _: _call("/v1/webhooks"),
    "GET /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook()),
    "PATCH /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook(), "", {"enabled": False}),
    "DELETE /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook()),
    "POST /v1/webhooks/{webhook_id}/rotate": lambda sale: _of(sale.webhook(), "/rotate"),
    "POST /v1/webhooks/{webhook_id}/test": lambda sale: _of(sale.webhook(), "/test"),
    "GET /v1/webhooks/{webhook_id}/deliveries": lambda sale: _of(sale.webhook(), "/deliveries"),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": lambda sale: _of(
        sale.delivery(), "/redeliver"
    ),
    "GET /healthz": lambda _: _call("/healthz"),
    "GET /readyz": lambda _: _call("/readyz"),
    "GET /metrics": lambda _: _call("/metrics"),
    "GET /openapi.json": lambda _: _call("/openapi.json"),
    "GET /docs": lambda _: _call("/docs"),
    "GET /docs/{asset}": lambda _: _call("/docs/swagger-ui.css"),
    "GET /demo": lambda _: _call("/demo"),
    "GET /demo/{demo_asset}": lambda _: _call("/demo/demo.js"),
}
"""How each call of the matrix is made, about what is made for it alone."""


async def _of(thing: Awaitable[str], more: str = "", body: Json = None) -> Call:
    return Call(await thing + more, body)


async def _path(cart: Awaitable[tuple[str, Json]]) -> str:
    return (await cart)[0]
