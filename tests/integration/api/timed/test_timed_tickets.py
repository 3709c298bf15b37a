"""Tickets of timed events: held and paid like any other, out of the slots' places."""

import pytest

from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.timed_event import CAPACITY, DAY, Museum, open_museum
from tests.support.api.two_event_carts import new_cart

_SLOT = f"{DAY}T13:30"


@pytest.fixture
async def museum(front: Front) -> Museum:
    adult = {"ticket_type": "Adult", "price": {"amount": 1500, "currency": "EUR"}}
    return await open_museum(front, tickets=[adult, adult | {"ticket_type": "Child"}], max_per_customer=50)


def _item(museum: Museum, quantity: int, slot: Json = _SLOT, ticket: int = 0) -> Json:
    return {"ticket_id": museum.event["tickets"][ticket]["id"], "quantity": quantity, "slot": slot}


async def _reserve(museum: Museum, *items: Json) -> Answer:
    answer = await museum.front.call("POST", "/v1/reservations", {"items": items, "customer": {"id": "22"}})
    if answer.status == 201:
        shapes.check_reservation(answer.body)
    return answer


async def test_a_timed_event_shows_its_schedule_and_its_tickets_a_slots_places(museum: Museum) -> None:
    event = museum.event
    assert event["schedule"]["capacity"] == CAPACITY
    assert event["ticket_types"] == {"Adult": True, "Child": True}
    for ticket in event["tickets"]:
        shapes.check_ticket(ticket)
        assert (ticket["seating"], ticket["capacity"], ticket["available"]) == ("timed", CAPACITY, CAPACITY)
    availability = (await museum.front.get(f"{museum.path}/availability")).body
    shapes.check_availability(availability)
    assert [ticket["available"] for ticket in availability["tickets"]] == [CAPACITY, CAPACITY]


@pytest.mark.usefixtures("sync")
async def test_paid_and_free_places_share_a_slot(museum: Museum) -> None:
    taken = await _reserve(museum, _item(museum, 3), _item(museum, 2, f"{DAY}T08", ticket=1))
    assert taken.status == 201
    assert [(item["quantity"], item["slot"], item["starts_at"]) for item in taken.body["items"]] == [
        (3, _SLOT, f"{DAY}T11:30:00Z"),
        (2, f"{DAY}T08:00", f"{DAY}T06:00:00Z"),
    ]
    await museum.booked()
    slot = await museum.slot()
    assert (slot["available"], slot["held"], slot["sold"]) == (CAPACITY - 4, 3, 1)
    paid = await museum.front.pay(taken.body)
    assert (paid.status, paid.body["total"]["amount"]) == (200, 7500)
    slot = await museum.slot()
    assert (slot["available"], slot["held"], slot["sold"]) == (CAPACITY - 4, 0, 4)

    statistics = (await museum.front.get(f"{museum.path}/statistics")).body
    assert (statistics["sold"], statistics["revenue"]["amount"], statistics["sold_out_at"]) == (5, 7500, None)
    (listed,) = (await museum.front.get("/v1/reservations", event_id=museum.event["id"])).body["items"]
    assert listed["items"] == taken.body["items"]


async def test_a_slot_sells_no_more_than_its_places(museum: Museum) -> None:
    for _ in range(5):
        await museum.booked()
    assert (await _reserve(museum, _item(museum, CAPACITY - 5))).status == 201
    assert (await museum.book()).code == "slot_full"
    more = await _reserve(museum, _item(museum, 1))
    assert (more.status, more.code, more.body["available"]) == (409, "sold_out", 0)
    assert (await _reserve(museum, _item(museum, 1, f"{DAY}T19:00"))).status == 201


async def test_places_of_a_hold_that_is_given_back_can_be_booked(museum: Museum) -> None:
    held = await _reserve(museum, _item(museum, CAPACITY))
    assert (await museum.book()).code == "slot_full"
    assert (await museum.front.call("DELETE", f"/v1/reservations/{held.body['id']}")).status == 204
    assert (await museum.book()).status == 201


@pytest.mark.parametrize(
    ("slot", "code", "path"),
    [
        (None, "invalid", "items[0].slot"),
        ("13:30", "invalid", "items[0].slot"),
        (f"{DAY} 13:30", "invalid", "items[0].slot"),
        (f"{DAY}T25:00", "invalid", "items[0].slot"),
        ("2027-02-29T13:30", "invalid", "items[0].slot"),
        ("2026-01-02T13:30", "invalid", "items[0].slot"),
        (f"{DAY}T13:31", "slot_not_scheduled", None),
        ("2027-03-28T13:30Z", "invalid", "items[0].slot"),
    ],
)
async def test_a_slot_that_cannot_be(museum: Museum, slot: Json, code: str, path: str | None) -> None:
    answer = await _reserve(museum, _item(museum, 1, slot))
    assert (answer.status, answer.code) == (422, code)
    assert [field["path"] for field in answer.body.get("fields", [])] == ([path] if path else [])


async def test_tickets_of_both_kinds_know_what_they_need(museum: Museum) -> None:
    front = museum.front
    general = (await front.event(5))["tickets"][0]["id"]
    body = {"items": [{"ticket_id": general, "quantity": 1, "slot": _SLOT}], "customer": {"id": "22"}}
    answer = await front.call("POST", "/v1/reservations", body)
    assert (answer.code, answer.body["fields"][0]["path"]) == ("invalid", "items[0].slot")
    ticket_id = museum.event["tickets"][0]["id"]
    in_cart = {"event_id": museum.event["id"], "price_id": ticket_id, "quantity": 1}
    assert await front.refused("POST", new_cart(), in_cart) == "invalid"
    assert await front.refused("PATCH", f"/v1/tickets/{ticket_id}", {"capacity": 5}) == "invalid"
    assert (
        await front.call("PATCH", f"/v1/tickets/{ticket_id}", {"price": {"amount": 1, "currency": "EUR"}})
    ).status == 200


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"schedule": {"times": [], "capacity": 1}}, "schedule.times"),
        ({"schedule": {"times": ["08:00", "08"], "capacity": 1}}, "schedule.times[1]"),
        ({"schedule": {"times": ["8"], "capacity": 1}}, "schedule.times[0]"),
        ({"schedule": {"times": ["08:00"], "capacity": 0}}, "schedule.capacity"),
        ({"schedule": {"times": ["08:00"]}}, "schedule.capacity"),
        ({"schedule": None}, "schedule"),
        (
            {"tickets": [{"ticket_type": "A", "price": {"amount": 1, "currency": "EUR"}, "capacity": 1}]},
            "tickets[0].capacity",
        ),
    ],
)
async def test_a_schedule_that_cannot_be(front: Front, fields: Json, path: str) -> None:
    schedule = {"times": ["08:00"], "capacity": 1}
    body = {"name": "Museum", "starts_at": "2027-01-01T00:00:00Z", "schedule": schedule} | fields
    answer = await front.call("POST", "/v1/events", body)
    assert (answer.status, answer.code, answer.body["fields"][0]["path"]) == (422, "invalid", path)


async def test_a_timed_event_can_be_changed_but_for_its_time_zone(museum: Museum) -> None:
    front, booking = museum.front, await museum.booked()
    adult = {"ticket_type": "Senior", "price": {"amount": 900, "currency": "EUR"}}
    added = await front.call("POST", f"{museum.path}/tickets", adult)
    assert (added.status, added.body["seating"], added.body["capacity"]) == (201, "timed", CAPACITY)
    assert await front.refused("POST", f"{museum.path}/tickets", adult | {"capacity": 5}) == "invalid"
    changed = await front.call("PATCH", museum.path, {"name": "Museum of Clocks", "timezone": "Europe/Warsaw"})
    assert (changed.status, changed.body["schedule"]) == (200, museum.event["schedule"])
    assert await front.refused("PATCH", museum.path, {"timezone": "Asia/Tokyo"}) == "invalid"
    assert (await museum.read(booking)).body == booking
