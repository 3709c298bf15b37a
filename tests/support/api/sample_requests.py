"""Every endpoint with a right request, and a shop to ask them in where nothing must change."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from engine.settings import Settings
from tests.support.api.api_client import Json, order, ticket
from tests.support.api.stored_data import take_snapshot
from tests.support.api.timed_event import DAY, NAMES

_WINDOW = {"sale_opens_at": "2026-06-01T18:00:00Z", "sale_closes_at": "2027-06-01T18:00:00Z"}
_EVENT = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "timezone": "Europe/Warsaw",
    "venue_id": None,
    "status": "on_sale",
    "hold_seconds": 900,
    "max_per_customer": 10,
    "description": "An evening\nof music",
    "image_url": "https://cdn.example/a.png",
    "doors_open_at": "2027-06-01T17:00:00Z",
    "waiting_room": {
        "opens_at": "2026-06-01T17:00:00Z",
        "pass_seconds": 600,
        "places_per_pass": 4,
        "max_inside": 2000,
        "per_minute": 3000,
    },
    "waiting_list": {"offer_seconds": 3600, "ends_at": "2027-06-01T12:00:00Z", "fill_gaps": True},
    "tickets": [ticket("VIP", 300), ticket("Regular", 100)],
    **_WINDOW,
}
_TERMS = {"paused": False, "hidden": False, "min_quantity": 1, **_WINDOW}
_OPTIONAL = {
    *("timezone", "venue_id", "status", "hold_seconds", "max_per_customer", "tickets", "first_name", "last_name"),
    *("expected_total", "description", "image_url", "doors_open_at"),
    *("waiting_room", "pass_seconds", "places_per_pass", "max_inside", "per_minute"),
    *("waiting_list", "offer_seconds", "ends_at", "fill_gaps"),
}
HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 2}]}]}
TIMED_EVENT = {
    "name": "Museum",
    "starts_at": "2026-06-01T18:00:00Z",
    "timezone": "Europe/Warsaw",
    "status": "on_sale",
    "schedule": {"times": ["08:00", "13:30"], "capacity": 20},
    "tickets": [],
}
BOOKING = NAMES | {"date": DAY, "time": "13:30"}
PAYMENT = {"amount": 2500, "currency": "EUR", "payment_token": "tok_visa"}

SCAN = {
    "code": "A TICKET",
    "gate": "North 1",
    "direction": "in",
    "scanned_at": "2027-06-01T17:12:00Z",
    "nonce": "9f86d081-1",
    "offline": False,
}
_CODES = {
    "codes": ["FAN27"],
    "kind": "discount",
    "percent": 20,
    "max_uses": 100,
    "max_places_per_use": 4,
    "valid_from": "2026-06-01T18:00:00Z",
    "valid_until": "2027-06-01T18:00:00Z",
    "customer_id": "22",
    "tag": "fans",
    "budget": {"amount": 100_000, "currency": "EUR"},
}

WEBHOOK = {"url": "http://127.0.0.1:9/hooks", "events": ["reservation.paid"], "description": "Box office"}

CART = "/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"
PAYMENT_OF_CART = "/v1/payments/cart-6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49-1"


class World(NamedTuple):
    """The existing things, so that each request is wrong in one way only."""

    event_id: int
    ticket_id: int
    held: Json
    paid: Json
    venue: Json
    seated_event_id: int
    seated_ticket_id: int
    seat_id: int
    booking: Json
    webhook_id: int
    delivery_id: int

    def takers_of_bodies(self) -> Iterator[tuple[str, str, Json, set[str]]]:
        """Every endpoint that reads a body: method, path, a right body, and what may be missing in it."""
        window = set(_WINDOW)
        yield "POST", "/v1/events", _EVENT, _OPTIONAL | window
        patch = {name: value for name, value in _EVENT.items() if name != "tickets"}
        optional = {
            "pass_seconds",
            "places_per_pass",
            "max_inside",
            "per_minute",
            "offer_seconds",
            "ends_at",
            "fill_gaps",
        }
        yield "PATCH", f"/v1/events/{self.event_id}", patch, set(patch) | optional
        said = {"paused": True, "max_inside": 10, "per_minute": 600, "message": "Soon"}
        yield "PATCH", f"/v1/events/{self.event_id}/queue", said, set(said)
        yield "POST", f"/v1/events/{self.event_id}/waiting-list", self.waiting, {"first_name", "last_name"}
        yield "POST", f"/v1/events/{self.event_id}/tickets", ticket("VIP", 5), set()
        yield (
            "PATCH",
            f"/v1/tickets/{self.ticket_id}",
            {"price": ticket("", 1)["price"], "capacity": 9, "ticket_type": "VIP", **_TERMS},
            {"price", "capacity", "ticket_type", *_TERMS},
        )
        yield "POST", "/v1/reservations", order((self.ticket_id, 1), (self.ticket_id, 1)), _OPTIONAL
        seats = [{"ticket_id": self.seated_ticket_id, "seat_ids": [self.seat_id]}]
        yield "POST", "/v1/reservations", order() | {"items": seats}, _OPTIONAL
        places = {"items": [{"ticket_id": self.ticket_id, "quantity": 2}]}
        yield "PATCH", f"/v1/reservations/{self.held['id']}", places, set()
        yield "POST", f"/v1/reservations/{self.held['id']}/pay", PAYMENT, set()
        yield (
            "POST",
            f"/v1/reservations/{self.paid['id']}/exchange",
            {
                **places,
                "payment_token": "tok_visa",
                "override_limit": True,
            },
            {"payment_token", "override_limit"},
        )
        yield "POST", f"/v1/reservations/{self.paid['id']}/refund", {"restock": True}, {"restock"}
        serial = self.event_id * 2**22  # of the only place that was paid for
        yield "POST", f"/v1/etickets/{serial}/transfer", {"holder": {"first_name": "Anna", "last_name": "Nowak"}}, set()
        scanned = {"gate", "direction", "scanned_at", "nonce", "offline"}
        yield "POST", f"/v1/events/{self.event_id}/check-ins", SCAN, scanned
        yield "POST", f"/v1/events/{self.event_id}/check-ins/upload", {"items": [SCAN]}, scanned
        yield "POST", f"{PAYMENT_OF_CART}/settle", {"outcome": "failed", "note": "Nothing came"}, set()

        released = {"event_id": self.event_id, "customer_id": "nobody"}
        yield "POST", "/v1/holds/release", released, set(released) | {"seat_id", "cursor"}
        yield "POST", "/v1/venues", HALL, set()
        seat = {"seat_id": self.seat_id, "label": "13A", "accessible": True, "x": 1.5}
        venue_patch = {"name": "Great Hall", "seats": [seat]}
        yield "PATCH", f"/v1/venues/{self.venue['id']}", venue_patch, {"name", "seats", "label", "accessible", "x"}
        yield "PATCH", f"/v1/events/{self.seated_event_id}/seats", {"seat_ids": [self.seat_id], "blocked": True}, set()

        yield "POST", "/v1/events", TIMED_EVENT, {"timezone", "status", "tickets", "schedule"}
        yield "POST", f"/v1/events/{self.booking['event_id']}/bookings", BOOKING, set()
        yield "PATCH", self.booking_path, BOOKING, set(BOOKING)

        yield (
            "POST",
            f"/v1/events/{self.event_id}/codes",
            _CODES,
            set(_CODES) - {"kind", "percent", "amount", "currency", "codes"},
        )
        code_patch = {"max_uses": 3, "percent": 30, "valid_until": None}
        yield "PATCH", f"/v1/events/{self.event_id}/codes/FAN27", code_patch, set(code_patch)

        yield "POST", CART, {"event_id": self.event_id, "price_id": self.ticket_id, "quantity": 1}, set()

        yield "POST", "/v1/webhooks", WEBHOOK, {"events", "description"}
        changes = WEBHOOK | {"enabled": True}
        yield "PATCH", f"/v1/webhooks/{self.webhook_id}", changes, set(changes)

    @property
    def waiting(self) -> Json:
        """The body that asks for a place in the line of a ticket."""
        customer = order(customer="22")["customer"]
        return {"ticket_id": self.ticket_id, "quantity": 2, "customer": customer, "contact": {"email": "i@example.com"}}

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
        yield "GET", f"/v1/events/{self.seated_event_id}/sections"
        for path in ("/v1/venues", venue, f"{venue}/sections", section):
            yield "GET", path
        yield "DELETE", reservation
        yield "DELETE", event
        yield "DELETE", f"/v1/tickets/{self.ticket_id}"
        for path in ("bookings", "slots"):
            yield "GET", f"/v1/events/{self.booking['event_id']}/{path}"
        yield "GET", self.booking_path
        yield "DELETE", self.booking_path
        yield "GET", CART
        yield "DELETE", f"{CART}/events/{self.seated_event_id}/seats/{self.seat_id}"
        yield "DELETE", f"{CART}/events/{self.event_id}/tickets/{self.ticket_id}"
        yield "DELETE", CART
        yield "POST", f"/v1/reservations/{self.paid['id']}/restock"
        for method in ("POST", "GET"):
            yield method, f"{event}/refund"
        yield "POST", f"{CART}/claim"
        yield "PUT", f"{CART}/book"
        yield from [("GET", path) for path in (PAYMENT_OF_CART, "/v1/payments", "/v1/holds", "/v1/dead-letters")]
        for outcome in ("complete", "failed"):
            yield "POST", f"{PAYMENT_OF_CART}/{outcome}"
        webhook = f"/v1/webhooks/{self.webhook_id}"
        for path in ("/v1/webhooks", webhook, f"{webhook}/deliveries"):
            yield "GET", path
        for action in ("rotate", "test", "redeliver", f"deliveries/{self.delivery_id}/redeliver"):
            yield "POST", f"{webhook}/{action}"
        yield "DELETE", webhook
        yield from [(method, "/v1/customers/22/data") for method in ("GET", "DELETE")]
        yield from [("GET", f"{event}/{path}") for path in ("check-ins", "check-ins/snapshot", "etickets/keys")]
        yield "POST", f"{event}/etickets/keys"
        paths = (f"reservations/{self.paid['id']}/etickets", f"etickets/{self.event_id * 2**22}/qr.svg")
        yield "GET", f"/v1/reservations/{self.paid['id']}/etickets.pdf"
        yield from [("GET", f"/v1/{path}") for path in paths]
        yield from [("POST", f"{event}/queue"), ("POST", f"{event}/queue/enter"), ("DELETE", f"{event}/queue/place")]
        yield from [("GET", f"{event}/queue{path}") for path in ("", "/place", "/audit", "/stream")]
        entry = f"{event}/waiting-list/{self.held['id']}"
        yield from [("GET", f"{event}/waiting-list"), ("GET", entry), ("DELETE", entry)]
        yield from [("GET", f"{event}/codes{path}") for path in ("", ".csv", "/FAN27", "/FAN27/offer")]
        yield "DELETE", f"{event}/codes/FAN27"
        yield from [("GET", path) for path in ("/v1/audit-log", f"{event}/availability/stream", f"{section}/stream")]
        for path in ("/v1/statistics/events", "/v1/statistics/ticket-types", "/healthz", "/readyz", "/metrics"):
            yield "GET", path
        shop = ("", "/events/1", "/orders/1", "/queue/1", "/settings", "/assets/main.js")
        yield from [("GET", path) for path in ("/openapi.json", "/docs", "/docs/start.js", "/")]
        yield from [("GET", f"/shop{path}") for path in shop]
        console = (
            "/v1/console/session",
            "/v1/console/now",
            "/console",
            "/console/now",
            "/console/assets/main.js",
            "/assets/dom.js",
        )
        yield from [("GET", path) for path in console]
        yield from [("GET", f"/doors/{path}") for path in ("1", "worker.js", "assets/doors.js")]


@asynccontextmanager
async def nothing_changes(settings: Settings) -> AsyncIterator[list[Any]]:
    """Gives a list for what was answered wrongly; nothing of that, and no change of what is stored, may be there."""
    before, wrong = await take_snapshot(settings), list[Any]()
    yield wrong
    assert wrong == [], wrong[:5]
    after = await take_snapshot(settings)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
