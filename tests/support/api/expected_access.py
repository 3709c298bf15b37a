"""Rights of callers: every route, called by everybody, about their own and others' things. The table is MATRIX."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.support.api.api_client import Answer, Front, Json, order, ticket
from tests.support.api.sample_requests import HALL, PAYMENT
from tests.support.payments.charging import charge_at_gateway
from tests.support.waiting import wait_until

OWNER, OTHER = "owner", "other"
"""Two customers. What the matrix is about is the first one's."""

_TURN_SECONDS = 20

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
    "GET /v1/events/{event_id}/sections": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/sections/{section_id}/seats": (200, 200, 200, 200, 200, 200, 200),
    "POST /v1/events": (401, 403, 403, 403, 201, 403, 403),
    "PATCH /v1/events/{event_id}": (401, 403, 403, 403, 200, 200, 403),
    "DELETE /v1/events/{event_id}": (401, 403, 403, 403, 409, 409, 403),
    "POST /v1/events/{event_id}/tickets": (401, 403, 403, 403, 201, 201, 403),
    "PATCH /v1/tickets/{ticket_id}": (401, 403, 403, 403, 200, 200, 403),
    "DELETE /v1/tickets/{ticket_id}": (401, 403, 403, 403, 409, 409, 403),
    "POST /v1/venues": (401, 403, 403, 403, 201, 403, 403),
    "PATCH /v1/venues/{venue_id}": (401, 403, 403, 403, 200, 403, 403),
    "PATCH /v1/events/{event_id}/seats": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/reservations": (401, 201, 403, 201, 201, 201, 403),
    "GET /v1/reservations": (401, 200, 403, 200, 200, 200, 403),
    "GET /v1/reservations/{reservation_id}": (401, 200, 404, 200, 200, 200, 403),
    "PATCH /v1/reservations/{reservation_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/reservations/{reservation_id}": (401, 204, 404, 204, 204, 204, 403),
    "POST /v1/reservations/{reservation_id}/pay": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/reservations/{reservation_id}/refund": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/reservations/{reservation_id}/exchange": (401, 403, 403, 200, 200, 200, 403),
    "POST /v1/reservations/{reservation_id}/restock": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/events/{event_id}/refund": (401, 403, 403, 403, 409, 409, 403),
    "GET /v1/events/{event_id}/refund": (401, 403, 403, 403, 409, 409, 403),
    "GET /v1/orders/carts/{cart_id}": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/orders/carts/{cart_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/tickets/{ticket_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/orders/carts/{cart_id}": (401, 204, 404, 204, 204, 204, 403),
    "POST /v1/orders/carts/{cart_id}/claim": (401, 200, 403, 200, 200, 200, 403),
    "PUT /v1/orders/carts/{cart_id}/book": (401, 200, 404, 200, 200, 200, 403),
    "GET /v1/payments": (401, 403, 403, 403, 200, 200, 200),
    "GET /v1/payments/{payment_id}": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/payments/{payment_id}/settle": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/payments/{payment_id}/complete": (401, 403, 403, 200, 200, 200, 403),
    "POST /v1/payments/{payment_id}/failed": (401, 403, 403, 200, 200, 200, 403),
    "GET /v1/holds": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/holds/release": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/events/{event_id}/bookings": (401, 201, 201, 201, 201, 201, 403),
    "GET /v1/events/{event_id}/bookings": (401, 403, 403, 200, 200, 200, 403),
    "GET /v1/events/{event_id}/bookings/{booking_id}": (401, 200, 404, 200, 200, 200, 403),
    "PATCH /v1/events/{event_id}/bookings/{booking_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/events/{event_id}/bookings/{booking_id}": (401, 204, 404, 204, 204, 204, 403),
    "GET /v1/events/{event_id}/slots": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/availability/stream": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/sections/{section_id}/seats/stream": (200, 200, 200, 200, 200, 200, 200),
    "POST /v1/events/{event_id}/queue": (401, 201, 403, 201, 201, 201, 403),
    "GET /v1/events/{event_id}/queue": (200, 200, 200, 200, 200, 200, 200),
    "PATCH /v1/events/{event_id}/queue": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/queue/place": (401, 200, 403, 200, 200, 200, 403),
    "DELETE /v1/events/{event_id}/queue/place": (401, 204, 403, 204, 204, 204, 403),
    "POST /v1/events/{event_id}/queue/enter": (401, 200, 403, 200, 200, 200, 403),
    "GET /v1/events/{event_id}/queue/audit": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/events/{event_id}/queue/stream": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/reservations/{reservation_id}/etickets": (401, 200, 404, 200, 200, 200, 403),
    "GET /v1/reservations/{reservation_id}/etickets.pdf": (401, 200, 404, 200, 200, 200, 403),
    "GET /v1/etickets/{serial}/qr.svg": (401, 200, 404, 200, 200, 200, 403),
    "POST /v1/etickets/{serial}/transfer": (401, 200, 404, 200, 200, 200, 403),
    "GET /v1/events/{event_id}/etickets/keys": (200, 200, 200, 200, 200, 200, 200),
    "POST /v1/events/{event_id}/etickets/keys": (401, 403, 403, 403, 201, 201, 403),
    "POST /v1/events/{event_id}/check-ins": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/check-ins": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/events/{event_id}/check-ins/upload": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/check-ins/snapshot": (401, 403, 403, 403, 200, 200, 403),
    "POST /v1/events/{event_id}/waiting-list": (401, 201, 403, 201, 201, 201, 403),
    "GET /v1/events/{event_id}/waiting-list": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/waiting-list/{waiting_id}": (401, 200, 404, 200, 200, 200, 403),
    "DELETE /v1/events/{event_id}/waiting-list/{waiting_id}": (401, 204, 404, 204, 204, 204, 403),
    "POST /v1/events/{event_id}/codes": (401, 403, 403, 403, 201, 201, 403),
    "GET /v1/events/{event_id}/codes": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/codes.csv": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/events/{event_id}/codes/{code}": (401, 403, 403, 403, 200, 200, 403),
    "PATCH /v1/events/{event_id}/codes/{code}": (401, 403, 403, 403, 200, 200, 403),
    "DELETE /v1/events/{event_id}/codes/{code}": (401, 403, 403, 403, 204, 204, 403),
    "GET /v1/events/{event_id}/codes/{code}/offer": (401, 200, 200, 200, 200, 200, 403),
    "GET /v1/statistics/events": (401, 403, 403, 403, 200, 200, 200),
    "GET /v1/statistics/ticket-types": (401, 403, 403, 403, 200, 403, 403),
    "GET /v1/events/{event_id}/statistics": (401, 403, 403, 403, 200, 200, 403),
    "GET /v1/audit-log": (401, 403, 403, 403, 200, 200, 200),
    "GET /v1/customers/{customer_id}/data": (401, 403, 403, 403, 200, 403, 403),
    "DELETE /v1/customers/{customer_id}/data": (401, 403, 403, 403, 202, 403, 403),
    "POST /v1/webhooks": (401, 403, 403, 403, 201, 403, 403),
    "GET /v1/webhooks": (401, 403, 403, 403, 200, 403, 403),
    "GET /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 200, 403, 403),
    "PATCH /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 200, 403, 403),
    "DELETE /v1/webhooks/{webhook_id}": (401, 403, 403, 403, 204, 403, 403),
    "POST /v1/webhooks/{webhook_id}/rotate": (401, 403, 403, 403, 200, 403, 403),
    "POST /v1/webhooks/{webhook_id}/test": (401, 403, 403, 403, 202, 403, 403),
    "GET /v1/webhooks/{webhook_id}/deliveries": (401, 403, 403, 403, 200, 403, 403),
    "POST /v1/webhooks/{webhook_id}/redeliver": (401, 403, 403, 403, 202, 403, 403),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": (401, 403, 403, 403, 202, 403, 403),
    "GET /v1/dead-letters": (401, 403, 403, 403, 200, 403, 403),
    "GET /healthz": (200, 200, 200, 200, 200, 200, 200),
    "GET /readyz": (200, 200, 200, 200, 200, 200, 200),
    "GET /metrics": (401, 403, 403, 403, 200, 403, 403),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200, 200),
    "GET /docs": (200, 200, 200, 200, 200, 200, 200),
    "GET /docs/{asset}": (200, 200, 200, 200, 200, 200, 200),
    "GET /doors/worker.js": (200, 200, 200, 200, 200, 200, 200),
    "GET /doors/{event_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /doors/assets/{doors_asset}": (200, 200, 200, 200, 200, 200, 200),
    "GET /": (302, 302, 302, 302, 302, 302, 302),
    "GET /shop": (200, 200, 200, 200, 200, 200, 200),
    "GET /shop/events/{event_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /shop/orders/{order_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /shop/queue/{event_id}": (200, 200, 200, 200, 200, 200, 200),
    "GET /shop/settings": (200, 200, 200, 200, 200, 200, 200),
    "GET /shop/assets/{shop_asset}": (200, 200, 200, 200, 200, 200, 200),
    "GET /v1/console/now": (401, 403, 403, 403, 200, 200, 200),
    "GET /v1/console/session": (401, 403, 403, 403, 200, 200, 200),
    "GET /console": (200, 200, 200, 200, 200, 200, 200),
    "GET /console/{console_view}": (200, 200, 200, 200, 200, 200, 200),
    "GET /console/assets/{console_asset}": (200, 200, 200, 200, 200, 200, 200),
    "GET /assets/{shared_asset}": (200, 200, 200, 200, 200, 200, 200),
}
"""The status of each call about the owner's things. 404: to the caller there is no such thing."""


class Call(NamedTuple):
    """The request of a call: right, except that the caller can make it wrong."""

    path: str
    body: Json = None


class Sale:
    """An event with general and assigned tickets, and the tokens of all askers."""

    def __init__(
        self,
        front: Front,
        settings: Settings,
        event: Json,
        timed: Json,
        venue: Json,
        seats: list[int],
        room_id: int = 0,
        full: Json = None,
    ) -> None:
        self.front, self._settings = front, settings
        self.event, self.timed_id, self.venue, self.room_id = event, timed["id"], venue, room_id
        self.full: Json = full or {"id": 0}
        self.general, self.assigned = (one["id"] for one in event["tickets"])
        self._seats = iter(seats)
        self.tokens = {
            "owner": self.token(Role.CUSTOMER, OWNER),
            "other": self.token(Role.CUSTOMER, OTHER),
            "service": self.token(Role.SERVICE, "web"),
            "manager": self.token(Role.MANAGER, "boss"),
            "of_event": self.token(Role.MANAGER, "stage", [event["id"], timed["id"], room_id, self.full["id"]]),
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
        sent = {"json": call.body, "headers": headers, "allow_redirects": False}
        async with self.front.client.request(method, call.path, **sent) as response:
            return response.status

    async def _done(self, method: str, path: str, body: Json = None) -> Json:
        """The owner's steps before the call of the matrix."""
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

    @property
    def queue_path(self) -> str:
        return f"/v1/events/{self.room_id}/queue"

    async def joined(self, more: str) -> str:
        """The path of something about the owner's place in the waiting room."""
        await self._done("POST", f"{self.queue_path}?customer_id={OWNER}")
        return f"{self.queue_path}{more}?customer_id={OWNER}"

    async def entered(self) -> str:
        """The path by which the owner entered; its turn comes late where the machine is slow."""
        path = await self.joined("/enter")

        async def enters() -> bool:
            return (await self.ask("owner", "POST", path)).status == 200

        await wait_until(enters, _TURN_SECONDS, "the owner's turn")
        return path

    async def not_joined(self) -> str:
        """The path of the waiting room, in which the owner has no place."""
        await self._done("DELETE", f"{self.queue_path}/place?customer_id={OWNER}")
        return f"{self.queue_path}?customer_id={OWNER}"

    @property
    def waiting_path(self) -> str:
        return f"/v1/events/{self.full['id']}/waiting-list"

    def waiting(self) -> Json:
        """A place in the line of a ticket that is sold out, as the owner asks for it."""
        ticket_id, contact = self.full["tickets"][0]["id"], {"email": "owner@example.com"}
        return {"ticket_id": ticket_id, "quantity": 1, "customer": {"id": OWNER}, "contact": contact}

    async def waits(self) -> str:
        """The path of a place of the owner."""
        made = await self._done("POST", self.waiting_path, self.waiting())
        return f"{self.waiting_path}/{made['id']}"

    async def code(self) -> str:
        """The path of a code of the event."""
        made = await self.ask("manager", "POST", f"{self.event_path}/codes", {"count": 1, "kind": "access"})
        assert made.status == 201, made
        return f"{self.event_path}/codes/{made.body['codes'][0]}"

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

    async def eticket(self) -> str:
        """The path of an e-ticket of the owner."""
        listed = await self.ask("owner", "GET", f"{await self.paid()}/etickets")
        return f"/v1/etickets/{listed.body['items'][0]['serial']}"

    async def cart(self) -> tuple[str, Json]:
        """The path of a cart of the owner, and the item in it."""
        path, item = f"/v1/orders/carts/{uuid4()}", self.item()
        await self._done("POST", path, item)
        return path, item

    async def cart_of_nobody(self) -> str:
        """The path of a cart that a service began for no customer."""
        path = f"/v1/orders/carts/{uuid4()}"
        answer = await self.ask("service", "POST", path, self.item())
        assert answer.status == 200, answer
        return path

    async def cart_of_places(self) -> str:
        """The path of a cart of the owner with places that are all alike."""
        path = f"/v1/orders/carts/{uuid4()}"
        await self._done("POST", path, {"event_id": self.event["id"], "price_id": self.general, "quantity": 1})
        return path

    async def charged(self) -> str:
        """The path of a payment of the owner's reservation."""
        made = await self._done("POST", f"{await self.held()}/pay", PAYMENT)
        return f"/v1/payments/{made['payment']['id']}"

    async def booked(self, charged: int = 0) -> str:
        """The path of a payment of the owner's cart, of which the gateway has taken that much."""
        path, _ = await self.cart()
        payment_id = (await self._done("PUT", f"{path}/book"))["payment_id"]
        if charged:
            await charge_at_gateway(self.front, payment_id, charged)
        return f"/v1/payments/{payment_id}"

    async def disputed(self) -> str:
        """The path of a payment of the owner's cart of which the gateway has too little."""
        path = await self.booked(charged=1)
        answer = await self.ask("manager", "POST", f"{path}/complete")
        assert answer.body["status"] == "disputed", answer
        return path


async def _call(path: str, body: Json = None) -> Call:
    return Call(path, body)


async def _taken(sale: Sale, path: str) -> Call:
    """Something of which a place is taken."""
    await sale.held()
    return await _call(path)


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
    "GET /v1/events/{event_id}/availability/stream": lambda sale: _call(f"{sale.event_path}/availability/stream"),
    "GET /v1/tickets": lambda _: _call("/v1/tickets"),
    "GET /v1/tickets/{ticket_id}": lambda sale: _call(f"/v1/tickets/{sale.general}"),
    "GET /v1/venues": lambda _: _call("/v1/venues"),
    "GET /v1/venues/{venue_id}": lambda sale: _call(sale.venue_path),
    "GET /v1/venues/{venue_id}/sections": lambda sale: _call(f"{sale.venue_path}/sections"),
    "GET /v1/events/{event_id}/sections/{section_id}/seats/stream": lambda sale: _call(
        f"{sale.event_path}/sections/{sale.venue['sections'][0]['id']}/seats/stream"
    ),
    "GET /v1/events/{event_id}/sections": lambda sale: _call(f"{sale.event_path}/sections"),
    "GET /v1/events/{event_id}/sections/{section_id}/seats": lambda sale: _call(
        f"{sale.event_path}/sections/{sale.venue['sections'][0]['id']}/seats"
    ),
    "POST /v1/events": lambda _: _call("/v1/events", _NEW_EVENT),
    "PATCH /v1/events/{event_id}": lambda sale: _call(sale.event_path, {"name": "Bigger event"}),
    "DELETE /v1/events/{event_id}": lambda sale: _taken(sale, sale.event_path),
    "POST /v1/events/{event_id}/tickets": lambda sale: _call(f"{sale.event_path}/tickets", ticket("VIP", 5)),
    "PATCH /v1/tickets/{ticket_id}": lambda sale: _call(f"/v1/tickets/{sale.general}", {"capacity": 1000}),
    "DELETE /v1/tickets/{ticket_id}": lambda sale: _taken(sale, f"/v1/tickets/{sale.general}"),
    "POST /v1/venues": lambda _: _call("/v1/venues", HALL),
    "PATCH /v1/venues/{venue_id}": lambda sale: _call(sale.venue_path, {"name": "Great Hall"}),
    "PATCH /v1/events/{event_id}/seats": lambda sale: _call(
        f"{sale.event_path}/seats", {"seat_ids": [sale.item()["seat_id"]], "blocked": True}
    ),
    "POST /v1/reservations": lambda sale: _call("/v1/reservations", order((sale.general, 1), customer=OWNER)),
    "GET /v1/reservations": _list,
    "GET /v1/reservations/{reservation_id}": lambda sale: _of(sale.held()),
    "PATCH /v1/reservations/{reservation_id}": lambda sale: _of(
        sale.held(), "", {"items": [{"ticket_id": sale.general, "quantity": 2}]}
    ),
    "DELETE /v1/reservations/{reservation_id}": lambda sale: _of(sale.held()),
    "POST /v1/reservations/{reservation_id}/pay": lambda sale: _of(sale.held(), "/pay", PAYMENT),
    "POST /v1/reservations/{reservation_id}/refund": lambda sale: _of(sale.paid(), "/refund", {"restock": True}),
    "POST /v1/reservations/{reservation_id}/exchange": lambda sale: _of(
        sale.paid(), "/exchange", {"items": [{"ticket_id": sale.general, "quantity": 2}], "payment_token": "tok_visa"}
    ),
    "POST /v1/reservations/{reservation_id}/restock": lambda sale: _of(sale.paid(), "/restock"),
    "POST /v1/events/{event_id}/refund": lambda sale: _call(f"{sale.event_path}/refund"),
    "GET /v1/events/{event_id}/refund": lambda sale: _call(f"{sale.event_path}/refund"),
    "GET /v1/orders/carts/{cart_id}": _on_cart,
    "POST /v1/orders/carts/{cart_id}": lambda sale: _of(_path(sale.cart()), "", sale.item()),
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}": _remove,
    "DELETE /v1/orders/carts/{cart_id}/events/{event_id}/tickets/{ticket_id}": lambda sale: _of(
        sale.cart_of_places(), f"/events/{sale.event['id']}/tickets/{sale.general}"
    ),
    "DELETE /v1/orders/carts/{cart_id}": _on_cart,
    "POST /v1/orders/carts/{cart_id}/claim": lambda sale: _of(
        sale.cart_of_nobody(), "/claim", {"customer": {"id": OWNER}}
    ),
    "PUT /v1/orders/carts/{cart_id}/book": lambda sale: _on_cart(sale, "/book"),
    "GET /v1/payments": lambda _: _call("/v1/payments"),
    "GET /v1/payments/{payment_id}": lambda sale: _of(sale.booked()),
    "POST /v1/payments/{payment_id}/settle": lambda sale: _of(
        sale.disputed(), "/settle", {"outcome": "completed", "note": "paid in cash"}
    ),
    "POST /v1/payments/{payment_id}/complete": lambda sale: _of(sale.booked(charged=2500), "/complete"),
    "POST /v1/payments/{payment_id}/failed": lambda sale: _of(sale.booked(), "/failed"),
    "GET /v1/holds": lambda sale: _call(f"/v1/holds?event_id={sale.event['id']}"),
    "POST /v1/holds/release": lambda sale: _call("/v1/holds/release", {"event_id": sale.event["id"]}),
    "POST /v1/events/{event_id}/bookings": lambda sale: _call(f"{sale.timed_path}/bookings", sale.booking()),
    "GET /v1/events/{event_id}/bookings": lambda sale: _call(f"{sale.timed_path}/bookings"),
    "GET /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(sale.slot_booked()),
    "PATCH /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(
        sale.slot_booked(), "", {"phone_number": "9334556780"}
    ),
    "DELETE /v1/events/{event_id}/bookings/{booking_id}": lambda sale: _of(sale.slot_booked()),
    "GET /v1/events/{event_id}/slots": lambda sale: _call(f"{sale.timed_path}/slots"),
    "POST /v1/events/{event_id}/queue": lambda sale: _of(sale.not_joined()),
    "GET /v1/events/{event_id}/queue": lambda sale: _call(sale.queue_path),
    "PATCH /v1/events/{event_id}/queue": lambda sale: _call(sale.queue_path, {"message": "Soon"}),
    "GET /v1/events/{event_id}/queue/place": lambda sale: _of(sale.joined("/place")),
    "DELETE /v1/events/{event_id}/queue/place": lambda sale: _of(sale.joined("/place")),
    "POST /v1/events/{event_id}/queue/enter": lambda sale: _of(sale.entered()),
    "GET /v1/events/{event_id}/queue/audit": lambda sale: _call(f"{sale.queue_path}/audit"),
    "GET /v1/events/{event_id}/queue/stream": lambda sale: _call(f"{sale.queue_path}/stream"),
    "GET /v1/reservations/{reservation_id}/etickets": lambda sale: _of(sale.paid(), "/etickets"),
    "GET /v1/reservations/{reservation_id}/etickets.pdf": lambda sale: _of(sale.paid(), "/etickets.pdf"),
    "GET /v1/etickets/{serial}/qr.svg": lambda sale: _of(sale.eticket(), "/qr.svg"),
    "POST /v1/etickets/{serial}/transfer": lambda sale: _of(
        sale.eticket(), "/transfer", {"holder": {"first_name": "Anna", "last_name": "Nowak"}}
    ),
    "GET /v1/events/{event_id}/etickets/keys": lambda sale: _call(f"{sale.event_path}/etickets/keys"),
    "POST /v1/events/{event_id}/etickets/keys": lambda sale: _call(f"{sale.event_path}/etickets/keys"),
    "POST /v1/events/{event_id}/check-ins": lambda sale: _call(f"{sale.event_path}/check-ins", {"code": "X"}),
    "GET /v1/events/{event_id}/check-ins": lambda sale: _call(f"{sale.event_path}/check-ins"),
    "POST /v1/events/{event_id}/check-ins/upload": lambda sale: _call(
        f"{sale.event_path}/check-ins/upload", {"items": [{"code": "X"}]}
    ),
    "GET /v1/events/{event_id}/check-ins/snapshot": lambda sale: _call(f"{sale.event_path}/check-ins/snapshot"),
    "POST /v1/events/{event_id}/waiting-list": lambda sale: _call(sale.waiting_path, sale.waiting()),
    "GET /v1/events/{event_id}/waiting-list": lambda sale: _call(sale.waiting_path),
    "GET /v1/events/{event_id}/waiting-list/{waiting_id}": lambda sale: _of(sale.waits()),
    "DELETE /v1/events/{event_id}/waiting-list/{waiting_id}": lambda sale: _of(sale.waits()),
    "POST /v1/events/{event_id}/codes": lambda sale: _call(f"{sale.event_path}/codes", {"count": 1, "kind": "access"}),
    "GET /v1/events/{event_id}/codes": lambda sale: _call(f"{sale.event_path}/codes"),
    "GET /v1/events/{event_id}/codes.csv": lambda sale: _call(f"{sale.event_path}/codes.csv"),
    "GET /v1/events/{event_id}/codes/{code}": lambda sale: _of(sale.code()),
    "PATCH /v1/events/{event_id}/codes/{code}": lambda sale: _of(sale.code(), "", {"max_uses": 3}),
    "DELETE /v1/events/{event_id}/codes/{code}": lambda sale: _of(sale.code()),
    "GET /v1/events/{event_id}/codes/{code}/offer": lambda sale: _of(sale.code(), "/offer"),
    "GET /v1/statistics/events": lambda _: _call("/v1/statistics/events"),
    "GET /v1/statistics/ticket-types": lambda _: _call("/v1/statistics/ticket-types"),
    "GET /v1/events/{event_id}/statistics": lambda sale: _call(f"{sale.event_path}/statistics"),
    "GET /v1/audit-log": lambda _: _call("/v1/audit-log"),
    "GET /v1/customers/{customer_id}/data": lambda _: _call(f"/v1/customers/{OWNER}/data"),
    "DELETE /v1/customers/{customer_id}/data": lambda _: _call("/v1/customers/nobody/data"),
    "POST /v1/webhooks": lambda _: _call("/v1/webhooks", _WEBHOOK),
    "GET /v1/webhooks": lambda _: _call("/v1/webhooks"),
    "GET /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook()),
    "PATCH /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook(), "", {"enabled": False}),
    "DELETE /v1/webhooks/{webhook_id}": lambda sale: _of(sale.webhook()),
    "POST /v1/webhooks/{webhook_id}/rotate": lambda sale: _of(sale.webhook(), "/rotate"),
    "POST /v1/webhooks/{webhook_id}/test": lambda sale: _of(sale.webhook(), "/test"),
    "GET /v1/webhooks/{webhook_id}/deliveries": lambda sale: _of(sale.webhook(), "/deliveries"),
    "POST /v1/webhooks/{webhook_id}/redeliver": lambda sale: _of(sale.webhook(), "/redeliver"),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": lambda sale: _of(
        sale.delivery(), "/redeliver"
    ),
    "GET /v1/dead-letters": lambda _: _call("/v1/dead-letters"),
    "GET /healthz": lambda _: _call("/healthz"),
    "GET /readyz": lambda _: _call("/readyz"),
    "GET /metrics": lambda _: _call("/metrics"),
    "GET /openapi.json": lambda _: _call("/openapi.json"),
    "GET /docs": lambda _: _call("/docs"),
    "GET /docs/{asset}": lambda _: _call("/docs/swagger-ui.css"),
    "GET /doors/worker.js": lambda _: _call("/doors/worker.js"),
    "GET /doors/{event_id}": lambda sale: _call(f"/doors/{sale.event['id']}"),
    "GET /doors/assets/{doors_asset}": lambda _: _call("/doors/assets/doors.js"),
    "GET /": lambda _: _call("/"),
    "GET /shop": lambda _: _call("/shop"),
    "GET /shop/events/{event_id}": lambda sale: _call(f"/shop/events/{sale.event['id']}"),
    "GET /shop/orders/{order_id}": lambda _: _call("/shop/orders/1"),
    "GET /shop/queue/{event_id}": lambda sale: _call(f"/shop/queue/{sale.room_id}"),
    "GET /shop/settings": lambda _: _call("/shop/settings"),
    "GET /shop/assets/{shop_asset}": lambda _: _call("/shop/assets/main.js"),
    "GET /v1/console/now": lambda _: _call("/v1/console/now"),
    "GET /v1/console/session": lambda _: _call("/v1/console/session"),
    "GET /console": lambda _: _call("/console"),
    "GET /console/{console_view}": lambda _: _call("/console/now"),
    "GET /console/assets/{console_asset}": lambda _: _call("/console/assets/main.js"),
    "GET /assets/{shared_asset}": lambda _: _call("/assets/dom.js"),
}
"""The calls of the matrix, each about things that are made for it alone."""


async def _of(thing: Awaitable[str], more: str = "", body: Json = None) -> Call:
    return Call(await thing + more, body)


async def _path(cart: Awaitable[tuple[str, Json]]) -> str:
    return (await cart)[0]
