"""The sections of an event: what each has left, and what it costs."""

from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json

_ROWS = [{"name": "A", "seats": 5}, {"name": "B", "seats": 5}]


def _euros(amount: int) -> Json:
    return {"amount": amount, "currency": "EUR"}


async def test_sections_tell_counts_and_prices(front: Front) -> None:
    hall = {"name": "Hall", "sections": [{"name": name, "rows": _ROWS} for name in ("Stalls", "Circle", "Closed")]}
    venue = (await front.call("POST", "/v1/venues", hall)).body
    stalls, circle, _ = (section["id"] for section in venue["sections"])
    event = await front.event(
        venue_id=venue["id"],
        tickets=[
            {"ticket_type": "Adult", "price": _euros(3000), "section_ids": [circle, stalls]},
            {"ticket_type": "Child", "price": _euros(1500), "section_ids": [stalls]},
        ],
    )
    path = f"/v1/events/{event['id']}/sections"
    first = await front.get(path)
    shapes.check_page(first.body)
    counts = {"capacity": 10, "available": 10, "held": 0, "sold": 0}
    price = {"price_from": _euros(3000), "price_to": _euros(3000)}
    assert first.body == {
        "items": [
            {"section_id": stalls, "name": "Stalls", "seating": "assigned"}
            | counts
            | price
            | {"price_from": _euros(1500)},
            {"section_id": circle, "name": "Circle", "seating": "assigned"} | counts | price,
        ],
        "next_cursor": None,
    }
    assert first.headers["Cache-Control"] == "public, max-age=1"
    assert (await front.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})).status == 304

    child = {"items": [{"ticket_id": event["tickets"][1]["id"], "quantity": 2, "best_available": True}]}
    held = (await front.call("POST", "/v1/reservations", child | {"customer": {"id": "1"}})).body
    seats = (await front.get(f"/v1/events/{event['id']}/sections/{circle}/seats")).body["items"]
    blocked = {"seat_ids": [seats[0]["seat_id"]], "blocked": True}
    assert (await front.call("PATCH", f"/v1/events/{event['id']}/seats", blocked)).status == 200
    await front.pay(held)
    await front.call("PATCH", f"/v1/tickets/{event['tickets'][0]['id']}", {"hidden": True})
    now = await front.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert [(one["capacity"], one["available"], one["held"], one["sold"]) for one in now.body["items"]] == [
        (10, 8, 0, 2),
        (9, 9, 0, 0),
    ]


async def test_an_event_without_seats_has_no_sections(front: Front) -> None:
    event = await front.event(5)
    assert (await front.get(f"/v1/events/{event['id']}/sections")).body == {"items": [], "next_cursor": None}
    assert await front.refused("GET", "/v1/events/999999/sections") == "not_found"
