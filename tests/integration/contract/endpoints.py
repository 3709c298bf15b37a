"""Every endpoint with a right request, and a shop to ask them in where nothing must change."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from engine.settings import Settings
from tests.integration.contract.front import Json, order, ticket
from tests.integration.contract.museum import DAY, NAMES
from tests.integration.contract.snapshot import take_snapshot

_WINDOW = {"sale_opens_at": "2026-06-01T18:00:00Z", "sale_closes_at": "2027-06-01T18:00:00Z"}
_EVENT = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "timezone": "Europe/Warsaw",
    "venue_id": None,
    "status": "on_sale",
    "hold_seconds": 900,
    "max_per_customer": 10,
    "tickets": [ticket("VIP", 300), ticket("Regular", 100)],
    **_WINDOW,
}
_OPTIONAL = {"timezone", "venue_id", "status", "hold_seconds", "max_per_customer", "tickets", "first_name", "last_name"}
HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 2}]}]}
TIMED_EVENT = {
    "name": "Museum",
    "starts_at": "2027-06-01T18:00:00Z",
    "timezone": "Europe/Warsaw",
    "status": "on_sale",
    "schedule": {"times": ["08:00", "13:30"], "capacity": 20},
    "tickets": [],
}
BOOKING = NAMES | {"date": DAY, "time": "13:30"}
PAYMENT = {"amount": 2500, "currency": "EUR", "payment_token": "tok_visa"}

WEBHOOK = {"url": "http://127.0.0.1:9/hooks", "events": ["reservation.paid"], "description": "Box office"}

CART = "/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"
PAYMENT_OF_CART = "/v1/payments/cart-6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49-1"


class World(NamedTuple):
    """What there is, so that each request is wrong in one way only."""

    event_id: int
    ticket_id: int
    held: Json
    paid: Json
    venue: Json
    seated_event_id: int
    seat_id: int
    booking: Json
    webhook_id: int
    delivery_id: int

    def takers_of_bodies(self) -> Iterator[tuple[str, str, Json, set[str]]]:
        """Every endpoint that reads a body: method, path, a right body, and what may be missing in it."""
        window = set(_WINDOW)
        yield "POST", "/v1/events", _EVENT, _OPTIONAL | window
        patch = {name: value for name, value in _EVENT.items() if name != "tickets"}
        yield "PATCH", f"/v1/events/{self.event_id}", patch, set(patch)
        yield "POST", f"/v1/events/{self.event_id}/tickets", ticket("VIP", 5), set()
        yield (
            "PATCH",
            f"/v1/tickets/{self.ticket_id}",
            {"price": ticket("", 1)["price"], "capacity": 9},
            {"price", "capacity"},
        )
        yield "POST", "/v1/reservations", order((self.ticket_id, 1), (self.ticket_id, 1)), _OPTIONAL
        yield "POST", f"/v1/reservations/{self.held['id']}/pay", PAYMENT, set()
        yield "POST", f"/v1/reservations/{self.paid['id']}/refund", {"restock": True}, set()

        yield "POST", "/v1/venues", HALL, set()
        yield "PATCH", f"/v1/events/{self.seated_event_id}/seats", {"seat_ids": [self.seat_id], "blocked": True}, set()

        yield "POST", "/v1/events", TIMED_EVENT, {"timezone", "status", "tickets", "schedule"}
        yield "POST", f"/v1/events/{self.booking['event_id']}/bookings", BOOKING, set()
        yield "PATCH", self.booking_path, BOOKING, set(BOOKING)

        yield "POST", CART, {"event_id": self.event_id, "price_id": self.ticket_id, "quantity": 1}, set()

        yield "POST", "/v1/webhooks", WEBHOOK, {"events", "description"}
        changes = WEBHOOK | {"enabled": True}
        yield "PATCH", f"/v1/webhooks/{self.webhook_id}", changes, set(changes)

    @property
    def booking_path(self) -> str:
        return f"/v1/events/{self.booking['event_id']}/bookings/{self.booking['id']}"

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every endpoint."""
        for method, path, _body, _optional in self.takers_of_bodies():
            yield method, path
        event = f"/v1/events/{self.event_id}"
        for path in ("/v1/events", event, f"{event}/availability", f"{event}/statistics", "/v1/tickets"):
            yield "GET", path
        reservation = f"/v1/reservations/{self.held['id']}"
        for path in (f"/v1/tickets/{self.ticket_id}", "/v1/reservations", reservation):
            yield "GET", path
        venue = f"/v1/venues/{self.venue['id']}"
        section = f"/v1/events/{self.seated_event_id}/sections/{self.venue['sections'][0]['id']}/seats"
        for path in ("/v1/venues", venue, f"{venue}/sections", section):
            yield "GET", path
        yield "DELETE", reservation
        for path in ("bookings", "slots"):
            yield "GET", f"/v1/events/{self.booking['event_id']}/{path}"
        yield "GET", self.booking_path
        yield "DELETE", self.booking_path
        yield "GET", CART
        yield "DELETE", f"{CART}/events/{self.seated_event_id}/seats/{self.seat_id}"
        yield "PUT", f"{CART}/book"
        yield "GET", PAYMENT_OF_CART
        for outcome in ("complete", "failed"):
            yield "POST", f"{PAYMENT_OF_CART}/{outcome}"
        webhook = f"/v1/webhooks/{self.webhook_id}"
        for path in ("/v1/webhooks", webhook, f"{webhook}/deliveries"):
            yield "GET", path
        for action in ("rotate", "test", f"deliveries/{self.delivery_id}/redeliver"):
            yield "POST", f"{webhook}/{action}"
        yield "DELETE", webhook
        for path in ("/v1/statistics/events", "/v1/statistics/ticket-types", "/healthz", "/readyz", "/metrics"):
            yield "GET", path
        for path in ("/openapi.json", "/docs", "/docs/start.js", "/demo", "/demo/demo.js"):
            yield "GET", path


@asynccontextmanager
async def nothing_changes(settings: Settings) -> AsyncIterator[list[Any]]:
    """Gives a list for what was answered wrongly; nothing of that, and no change of what is stored, may be there."""
    before, wrong = await take_snapshot(settings), list[Any]()
    yield wrong
    assert wrong == []
    after = await take_snapshot(settings)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
