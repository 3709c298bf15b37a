"""Managers and services set rules of the sale aside, and the audit log tells so."""

import pytest

from engine.settings import Settings
from sync.audit.audit import audit
from tests.integration.api.audit_log.test_audit_log import BOSS, CUSTOMER, SHOP, entries
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, order
from tests.support.api.two_event_carts import Tour
from tests.support.waiting import wait_until


@pytest.fixture
async def guarded(start_api: StartApi) -> Front:
    return await start_api(auth="jwt", jwt_secret="a secret of thirty-two bytes or more")


async def reserve(front: Front, body: Json, headers: dict[str, str] | None = None) -> Answer:
    return await front.call("POST", "/v1/reservations", body, headers=headers)


async def test_more_places_than_a_customer_may_have(guarded: Front, front: Front, sync: None) -> None:
    event = await front.event(20, max_per_customer=2)
    wish = order((event["tickets"][0]["id"], 5), customer="22")
    assert (await reserve(guarded, wish, SHOP)).code == "limit_exceeded"
    assert (await reserve(guarded, wish | {"override_limit": True}, CUSTOMER)).code == "forbidden"
    for headers in (SHOP, BOSS):
        assert (await reserve(guarded, wish | {"override_limit": True}, headers)).status == 201
    assert (await reserve(guarded, wish | {"override_limit": False}, SHOP)).code == "limit_exceeded"
    assert (await reserve(front, wish | {"override_limit": True})).status == 201, "without authentication"
    await wait_until(lambda: _logged(guarded, 3))
    told = await entries(guarded, action="create_reservation")
    assert [(each["role"], each["after"]["override_limit"]) for each in told] == [
        ("manager", True),
        ("manager", True),
        ("service", True),
    ]


async def _logged(guarded: Front, number: int) -> bool:
    return len(await entries(guarded, action="create_reservation")) == number


@pytest.fixture
async def blocked(tour: Tour, front: Front) -> Json:
    """The body of a reservation of two seats, one of which is blocked."""
    path = f"/v1/events/{tour.events[0]['id']}/seats"
    answer = await front.call("PATCH", path, {"seat_ids": tour.seats[:2], "blocked": True})
    assert answer.status == 200, answer
    adult = tour.events[0]["tickets"][0]["id"]
    return {"items": [{"ticket_id": adult, "seat_ids": tour.seats[1:3]}], "customer": {"id": "22"}}


async def test_blocked_seats_are_sold_in_one_step(
    tour: Tour, front: Front, blocked: Json, settings: Settings, shop: Settings, sync: None
) -> None:
    assert await tour.statuses(0) == "bbaa"
    assert (await reserve(front, blocked)).code == "seat_taken"
    held = await reserve(front, blocked | {"from_blocked": True})
    assert (held.status, await tour.statuses(0)) == (201, "bhha")
    path = f"/v1/events/{tour.events[0]['id']}/seats"
    assert await front.refused("PATCH", path, {"seat_ids": tour.seats[1:2], "blocked": False}) == "seat_taken"
    paid = (await front.pay(held.body)).body
    assert (paid["status"], await tour.statuses(0)) == ("paid", "bssa")
    assert (await front.call("POST", f"/v1/reservations/{paid['id']}/refund", {"restock": True})).status == 200
    assert await tour.statuses(0) == "bbaa", "it is blocked again, and not for sale"
    assert await audit(shop) == []


async def test_seats_that_were_blocked_are_blocked_again_when_a_hold_ends(
    tour: Tour, front: Front, blocked: Json
) -> None:
    held = (await reserve(front, blocked | {"from_blocked": True})).body
    wish = {"items": [{"ticket_id": held["items"][0]["ticket_id"], "seat_ids": [tour.seats[1], tour.seats[3]]}]}
    assert (await front.call("PATCH", f"/v1/reservations/{held['id']}", wish)).status == 200
    assert await tour.statuses(0) == "bhah"
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
    assert await tour.statuses(0) == "bbaa"
    ticket_id = held["items"][0]["ticket_id"]
    assert await front.counts(ticket_id) == (2, 0, 0)


async def test_it_needs_named_seats_and_is_not_for_customers(guarded: Front, front: Front, blocked: Json) -> None:
    ticket_id = blocked["items"][0]["ticket_id"]
    best = {"items": [{"ticket_id": ticket_id, "quantity": 1, "best_available": True}], "customer": {"id": "22"}}
    refused = await reserve(front, best | {"from_blocked": True})
    assert (refused.status, refused.body["fields"][0]["path"]) == (422, "items[0].seat_ids")
    assert (await reserve(guarded, blocked | {"from_blocked": True}, CUSTOMER)).code == "forbidden"
    general = order(((await front.event(5))["tickets"][0]["id"], 1))
    assert (await reserve(front, general | {"from_blocked": True})).code == "invalid"
