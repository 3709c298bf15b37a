"""Halls with seats, and what is on in them."""

from typing import Any, NamedTuple

from tests.support.system.storefront_client import PRICE_MINOR, Storefront


class Hall(NamedTuple):
    """An event with one ticket for all seats of one section."""

    event_id: int
    ticket_id: int
    section_id: int
    seat_ids: list[int]


async def open_hall(storefront: Storefront, rows: int, seats: int) -> Hall:
    """A premiere in a hall of its own."""
    (hall,) = await open_tour(storefront, rows, seats, events=1)
    return hall


async def open_tour(storefront: Storefront, rows: int, seats: int, *, events: int) -> list[Hall]:
    """Events on sale, one after the other in the same hall."""
    manifest = [{"name": f"Row {number}", "seats": seats} for number in range(1, rows + 1)]
    venue = await storefront.ask(
        "POST", "/v1/venues", {"name": "Hall", "sections": [{"name": "Stalls", "rows": manifest}]}
    )
    assert venue.status == 201, venue
    venue_id = venue.body["id"]
    listed = await storefront.ask("GET", f"/v1/venues/{venue_id}/sections")
    (section,) = listed.body["items"]
    return [await _open_event(storefront, venue_id, section) for _ in range(events)]


async def _open_event(storefront: Storefront, venue_id: int, section: Any) -> Hall:
    event = await storefront.ask(
        "POST",
        "/v1/events",
        {
            "name": "Premiere",
            "starts_at": "2035-06-01T18:00:00Z",
            "status": "on_sale",
            "venue_id": venue_id,
            "tickets": [
                {
                    "ticket_type": "Stalls",
                    "price": {"amount": PRICE_MINOR, "currency": "EUR"},
                    "section_ids": [section["id"]],
                }
            ],
        },
    )
    assert event.status == 201, event
    seat_ids = [seat["id"] for row in section["rows"] for seat in row["seats"]]
    return Hall(event.body["id"], event.body["tickets"][0]["id"], section["id"], seat_ids)
