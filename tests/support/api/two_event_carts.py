"""Two events in one hall, and carts with places of both."""

from typing import NamedTuple
from uuid import uuid4

from tests.support.api.api_client import Answer, Front, Json, ticket

HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 4}]}]}
PRICE, CHILD, GENERAL = 3000, 1500, 500


class Tour(NamedTuple):
    """Two events in one hall, in two partitions: seats at two prices, and standing room."""

    front: Front
    events: list[Json]
    seats: list[int]

    async def add(self, cart: str, show: int, seat: int, *, price: int = 0) -> Answer:
        event = self.events[show]
        body = {"event_id": event["id"], "seat_id": self.seats[seat], "price_id": event["tickets"][price]["id"]}
        return await self.front.call("POST", cart, body)

    async def stand(self, cart: str, show: int, quantity: int) -> Answer:
        event = self.events[show]
        body = {"event_id": event["id"], "price_id": event["tickets"][2]["id"], "quantity": quantity}
        return await self.front.call("POST", cart, body)

    async def take(self, *places: tuple[int, int], cart: str | None = None) -> str:
        """A cart with these seats: (show, seat)."""
        cart = cart or new_cart()
        for show, seat in places:
            answer = await self.add(cart, show, seat)
            assert answer.status == 200, answer
            check_cart(answer.body)
        return cart

    async def remove(self, cart: str, show: int, seat: int) -> Answer:
        path = f"{cart}/events/{self.events[show]['id']}/seats/{self.seats[seat]}"
        return await self.front.call("DELETE", path)

    async def book(self, cart: str) -> str:
        answer = await self.front.call("PUT", f"{cart}/book")
        assert answer.status == 200, answer
        assert list(answer.body) == ["payment_id"]
        return str(answer.body["payment_id"])

    async def end(self, payment_id: str, outcome: str) -> Answer:
        return await self.front.call("POST", f"/v1/payments/{payment_id}/{outcome}")

    async def reservations_of(self, payment: Json) -> list[Json]:
        """The reservations of a payment as they are, in the order of the shows."""
        found = [(await self.front.get(f"/v1/reservations/{one}")).body for one in payment["reservations"]]
        shows = [event["id"] for event in self.events]
        return sorted(found, key=lambda reservation: shows.index(reservation["event"]["id"]))

    async def statuses(self, show: int) -> str:
        """The first letters of what the seats are."""
        event = self.events[show]
        section_id = (await self.front.get(f"/v1/venues/{event['venue_id']}/sections")).body["items"][0]["id"]
        answer = await self.front.get(f"/v1/events/{event['id']}/sections/{section_id}/seats")
        return "".join(seat["status"]["name"][0] for seat in answer.body["items"])

    async def states(self, cart: str) -> list[str]:
        """The states of the reservations of a cart's payment."""
        payment_id = (await self.front.get(cart)).body["payment_id"]
        reservations = (await self.front.get(f"/v1/payments/{payment_id}")).body["reservations"]
        return await self.states_of(reservations)

    async def states_of(self, reservations: list[str]) -> list[str]:
        """The states of these reservations."""
        return [(await self.front.get(f"/v1/reservations/{one}")).body["status"] for one in reservations]


def new_cart() -> str:
    return f"/v1/orders/carts/{uuid4()}"


async def pinned_places(front: Front, event: Json, quantity: int) -> Json:
    """A reservation of the first ticket whose payment is under way: a cart that is booked, and not yet paid for."""
    cart, item = new_cart(), {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": quantity}
    assert (await front.call("POST", cart, item)).status == 200
    payment_id = (await front.call("PUT", f"{cart}/book")).body["payment_id"]
    (reservation_id,) = (await front.get(f"/v1/payments/{payment_id}")).body["reservations"]
    return (await front.get(f"/v1/reservations/{reservation_id}")).body


def check_cart(cart: Json) -> None:
    """The invariants of every cart."""
    assert set(cart) == {"id", "status", "items", "total", "expires_at", "payment_id"}
    assert cart["status"] in {"open", "booked", "completed", "failed"}
    assert (cart["expires_at"] is not None) == (cart["status"] == "open")
    assert (cart["payment_id"] is None) == (cart["status"] == "open")
    for item in cart["items"]:
        assert set(item) == {"event", "ticket_id", "ticket_type", "seat", "quantity", "unit_price"}
    amount = sum(item["quantity"] * item["unit_price"]["amount"] for item in cart["items"])
    assert cart["total"] == {"amount": amount, "currency": "EUR"}


async def open_tour(front: Front, hold_seconds: tuple[int, int] = (900, 900)) -> Tour:
    venue = (await front.call("POST", "/v1/venues", HALL)).body
    section = (await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"][0]
    tickets = [
        {"ticket_type": name, "price": {"amount": price, "currency": "EUR"}, "section_ids": [section["id"]]}
        for name, price in (("Adult", PRICE), ("Child", CHILD))
    ]
    standing = ticket("Standing", 10, GENERAL)
    events = [
        await front.event(venue_id=venue["id"], tickets=[*tickets, standing], hold_seconds=seconds)
        for seconds in hold_seconds
    ]
    return Tour(front, events, [seat["id"] for row in section["rows"] for seat in row["seats"]])
