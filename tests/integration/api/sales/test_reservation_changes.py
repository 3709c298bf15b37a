"""Other places in place of those that a live hold has."""

from typing import Any

import pytest

from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json
from tests.support.waiting import wait_until


async def change(front: Front, reservation: Json, *items: dict[str, Any]) -> Answer:
    return await front.call("PATCH", f"/v1/reservations/{reservation['id']}", {"items": list(items)})


def places(ticket_id: int, quantity: int) -> dict[str, Any]:
    return {"ticket_id": ticket_id, "quantity": quantity}


def lines_of(reservation: Json) -> list[tuple[int, int, int]]:
    return [(item["ticket_id"], item["quantity"], item["unit_price"]["amount"]) for item in reservation["items"]]


async def test_all_places_are_replaced_and_the_deadline_stays(front: Front) -> None:
    event = await front.event(10, 10)
    one, other = (ticket["id"] for ticket in event["tickets"])
    held = await front.held((one, 2))
    changed = await change(front, held, places(other, 3), places(one, 1))
    assert changed.status == 200
    shapes.check_reservation(changed.body)
    assert lines_of(changed.body) == [(other, 3, 2500), (one, 1, 2500)]
    assert changed.body["total"]["amount"] == 4 * 2500
    assert (changed.body["id"], changed.body["expires_at"]) == (held["id"], held["expires_at"])
    assert await front.counts(one) == (9, 1, 0)
    assert await front.counts(other) == (7, 3, 0)
    again = await change(front, held, places(other, 3), places(one, 1))
    assert again.body | {"expires_in_ms": 0} == changed.body | {"expires_in_ms": 0}
    paid = await front.pay(await front.read(held))
    assert paid.body["status"] == "paid"


async def test_places_that_stay_keep_their_price(front: Front) -> None:
    event = await front.event(10, price=1500)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    held = await front.held((ticket_id, 2))
    price = {"price": {"amount": 3000, "currency": "EUR"}}
    assert (await front.call("PATCH", f"/v1/tickets/{ticket_id}", price)).status == 200
    more = await change(front, held, places(ticket_id, 3))
    assert lines_of(more.body) == [(ticket_id, 2, 1500), (ticket_id, 1, 3000)]
    fewer = await change(front, held, places(ticket_id, 1))
    assert lines_of(fewer.body) == [(ticket_id, 1, 1500)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"hidden": True}, "not_found"),
        ({"paused": True}, "sale_paused"),
        ({"sale_closes_at": "2020-01-01T00:00:00Z"}, "sale_closed"),
    ],
)
async def test_places_are_given_back_whatever_became_of_their_ticket(front: Front, changed: Json, code: str) -> None:
    event = await front.event(10, 10)
    one, other = (ticket["id"] for ticket in event["tickets"])
    held = await front.held((one, 2), (other, 1))
    assert (await front.call("PATCH", f"/v1/tickets/{one}", changed)).status == 200
    assert (await change(front, held, places(one, 3))).code == code
    assert (await change(front, held, places(one, 2), places(other, 1))).status == 200
    fewer = await change(front, held, places(one, 1))
    assert lines_of(fewer.body) == [(one, 1, 2500)]
    assert (await front.counts(other))[:2] == (10, 0)


async def test_its_own_places_are_free_for_the_choice(front: Front) -> None:
    event = await front.event(3)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    held = await front.held((ticket_id, 2))
    assert (await change(front, held, places(ticket_id, 3))).status == 200
    assert await front.counts(ticket_id) == (0, 3, 0)


async def test_seats_are_exchanged_for_others(front: Front) -> None:
    hall = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 4}]}]}
    venue = (await front.call("POST", "/v1/venues", hall)).body
    section_id = venue["sections"][0]["id"]
    (section,) = (await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"]
    seats = [seat["id"] for seat in section["rows"][0]["seats"]]
    ticket = {"ticket_type": "Stalls", "price": {"amount": 900, "currency": "EUR"}, "section_ids": [section_id]}
    event = await front.call(
        "POST",
        "/v1/events",
        {"name": "Play", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "venue_id": venue["id"]}
        | {"tickets": [ticket]},
    )
    ticket_id = event.body["tickets"][0]["id"]

    async def taken() -> list[int]:
        page = (await front.get(f"/v1/events/{event.body['id']}/sections/{section_id}/seats")).body
        return [seat["seat_id"] for seat in page["items"] if seat["status"]["name"] != "available"]

    order = {"items": [{"ticket_id": ticket_id, "seat_ids": seats[:2]}], "customer": {"id": "22"}}
    held = (await front.call("POST", "/v1/reservations", order)).body
    other = (
        await front.call(
            "POST", "/v1/reservations", order | {"items": [places(ticket_id, 1) | {"best_available": True}]}
        )
    ).body
    assert other["items"][0]["seats"][0]["seat_id"] == seats[2]
    refused = await change(front, held, {"ticket_id": ticket_id, "seat_ids": [seats[1], seats[2]]})
    assert (refused.code, refused.body["seat_ids"]) == ("seat_taken", [seats[2]])
    moved = await change(front, held, {"ticket_id": ticket_id, "seat_ids": [seats[1], seats[3]]})
    assert [seat["seat_id"] for seat in moved.body["items"][0]["seats"]] == [seats[1], seats[3]]
    await wait_until(lambda: _is(taken, seats[1:]), what="the map shows the exchange")


async def _is(read: Any, expected: list[int]) -> bool:
    return bool(await read() == expected)


async def test_a_refusal_changes_nothing(front: Front) -> None:
    event = await front.event(4, 1, max_per_customer=3)
    one, other = (ticket["id"] for ticket in event["tickets"])
    elsewhere = (await front.event(5))["tickets"][0]["id"]
    held = await front.held((one, 2))
    cases = {
        "sold_out": [places(other, 2)],
        "limit_exceeded": [places(one, 4)],
        "invalid": [places(elsewhere, 1)],
        "not_found": [places(999_999, 1)],
    }
    for code, items in cases.items():
        assert (await change(front, held, *items)).code == code
    bodies: list[Json] = [
        {},
        {"items": []},
        {"items": [{"ticket_id": one}]},
        {"items": [places(one, 1)], "customer": {"id": "x"}},
    ]
    for body in bodies:
        assert (await front.call("PATCH", f"/v1/reservations/{held['id']}", body)).status == 422
    assert lines_of(await front.read(held)) == lines_of(held)
    assert await front.counts(one) == (2, 2, 0)
    assert await front.counts(other) == (1, 0, 0)


async def test_only_a_live_hold_is_changed(front: Front) -> None:
    event = await front.event(10, hold_seconds=900)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    paid, cancelled = await front.paid((ticket_id, 1)), await front.held((ticket_id, 1))
    assert (await front.call("DELETE", f"/v1/reservations/{cancelled['id']}")).status == 204
    assert (await change(front, paid, places(ticket_id, 2))).code == "already_paid"
    assert (await change(front, cancelled, places(ticket_id, 2))).code == "cancelled"
    assert (await change(front, {"id": "7-dGhpcyBpcyBhbiBp"}, places(ticket_id, 2))).code == "not_found"
    brief = await front.event(10, hold_seconds=1)
    (ticket_id,) = (ticket["id"] for ticket in brief["tickets"])
    held = await front.held((ticket_id, 1))

    async def ended() -> bool:
        return bool((await change(front, held, places(ticket_id, 1))).body.get("code") == "expired")

    await wait_until(ended, timeout=4, what="the end of the hold")
