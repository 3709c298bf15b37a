"""The waiting list over HTTP, on real servers."""

from typing import Any

import pytest

from engine.settings import Settings
from sync.audit.audit import audit
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json, ticket
from tests.support.waiting import wait_until

TERMS = {"offer_seconds": 3600, "ends_at": None, "fill_gaps": False}


class Line:
    """The waiting list of one event, all of whose places are held by `early`."""

    def __init__(self, front: Front, event: Json, held: list[Json]) -> None:
        self.front, self.event, self.held = front, event, held
        self.path = f"/v1/events/{event['id']}/waiting-list"
        self.ticket_id: int = event["tickets"][0]["id"]

    async def ask(self, customer: str, quantity: int = 1, **how: Any) -> Answer:
        body = {
            "ticket_id": self.ticket_id,
            "quantity": quantity,
            "customer": {"id": customer, "first_name": "Islom"},
            "contact": {"email": f"{customer}@example.com"},
        }
        return await self.front.call("POST", self.path, body, **how)

    async def join(self, customer: str, quantity: int = 1) -> Json:
        answer = await self.ask(customer, quantity)
        assert answer.status == 201, answer
        shapes.check_waiting(answer.body)
        return answer.body

    async def read(self, entry: Json) -> Json:
        answer = await self.front.get(f"{self.path}/{entry['id']}")
        assert answer.status == 200, answer
        shapes.check_waiting(answer.body)
        return answer.body

    async def statuses(self, *entries: Json) -> list[str]:
        return [(await self.read(entry))["status"] for entry in entries]

    async def give_back(self, number: int = 0) -> None:
        answer = await self.front.call("DELETE", f"/v1/reservations/{self.held[number]['id']}")
        assert answer.status == 204, answer


async def line_of(front: Front, places: int = 1, **fields: Any) -> Line:
    event = await front.event(places, waiting_list=TERMS | fields.pop("terms", {}), **fields)
    ticket_id = event["tickets"][0]["id"]
    held = [await front.held((ticket_id, 1), customer="early") for _ in range(places)]
    return Line(front, event, held)


async def test_an_event_tells_its_waiting_list(front: Front) -> None:
    event = await front.event(3, waiting_list={})
    path = f"/v1/events/{event['id']}"
    assert event["waiting_list"] == (await front.get(path)).body["waiting_list"] == TERMS
    other = {"offer_seconds": 60, "ends_at": "2027-05-01T18:00:00Z", "fill_gaps": True}
    assert (await front.call("PATCH", path, {"waiting_list": other})).body["waiting_list"] == other
    assert (await front.call("PATCH", path, {"name": "Other"})).body["waiting_list"] == other
    gone = await front.call("PATCH", path, {"waiting_list": None})
    assert "waiting_list" not in gone.body
    line = Line(front, event, [])
    assert (await line.ask("anna")).code == "not_found"


async def test_a_timed_event_has_none(front: Front) -> None:
    timed = {"name": "Museum", "starts_at": "2026-06-01T18:00:00Z", "schedule": {"times": ["08:00"], "capacity": 20}}
    assert await front.refused("POST", "/v1/events", timed | {"waiting_list": TERMS}) == "invalid"
    event = (await front.call("POST", "/v1/events", timed)).body
    assert await front.refused("PATCH", f"/v1/events/{event['id']}", {"waiting_list": TERMS}) == "invalid"


async def test_an_offer_is_a_reservation_and_is_paid_like_any_other(front: Front) -> None:
    line = await line_of(front)
    first, second = await line.join("anna"), await line.join("ben")
    assert (first["status"], first["position"], second["position"]) == ("waiting", 1, 2)
    assert (
        await front.refused(
            "POST",
            "/v1/reservations",
            {"items": [{"ticket_id": line.ticket_id, "quantity": 1}], "customer": {"id": "crowd"}},
        )
        == "sold_out"
    )
    await line.give_back()
    assert await front.counts(line.ticket_id) == (0, 1, 0), "the place was never for sale"
    offered = await line.read(first)
    assert offered["status"] == "offered"
    reservation = (await front.get(f"/v1/reservations/{offered['reservation_id']}")).body
    shapes.check_reservation(reservation)
    assert (reservation["offer"], reservation["status"], reservation["customer"]["id"]) == (True, "held", "anna")
    assert reservation["customer"]["first_name"] == "Islom"
    assert reservation["expires_at"] == offered["offer_expires_at"]
    assert reservation["expires_in_ms"] > 3_500_000
    assert (await front.pay(reservation)).status == 200
    assert await line.statuses(first, second) == ["taken", "waiting"]
    assert await front.refused("DELETE", f"{line.path}/{first['id']}") == "already_paid"


async def test_an_offer_that_is_declined_goes_to_the_next(front: Front) -> None:
    line = await line_of(front)
    entries = [await line.join(name) for name in ("anna", "ben", "cleo")]
    await line.give_back()
    for _ in range(2):
        assert (await front.call("DELETE", f"{line.path}/{entries[0]['id']}")).status == 204
    assert await line.statuses(*entries) == ["declined", "offered", "waiting"]
    offered = (await line.read(entries[1]))["reservation_id"]
    assert (await front.call("DELETE", f"/v1/reservations/{offered}")).status == 204
    assert await line.statuses(*entries) == ["declined", "declined", "offered"]


async def test_an_offer_can_be_made_smaller_and_cannot_have_other_places(front: Front) -> None:
    line = await line_of(front, 3, tickets=[ticket("VIP", 3), ticket("Regular", 5)])
    first, second = await line.join("anna", 2), await line.join("ben")
    await line.give_back(0)
    await line.give_back(1)
    offered = await line.read(first)
    path = f"/v1/reservations/{offered['reservation_id']}"
    regular = line.event["tickets"][1]["id"]
    for items in (
        [{"ticket_id": regular, "quantity": 1}],
        [{"ticket_id": line.ticket_id, "quantity": 2}, {"ticket_id": regular, "quantity": 1}],
    ):
        refused = await front.call("PATCH", path, {"items": items})
        assert (refused.code, refused.body["fields"][0]["path"]) == ("invalid", "items")
    fewer = await front.call("PATCH", path, {"items": [{"ticket_id": line.ticket_id, "quantity": 1}]})
    assert (fewer.status, fewer.body["expires_at"]) == (200, offered["offer_expires_at"])
    assert await line.statuses(first, second) == ["offered", "offered"], "the place went to the next in line"


async def test_nobody_waits_while_there_are_places_enough(front: Front) -> None:
    event = await front.event(3, waiting_list={})
    line = Line(front, event, [])
    refused = await line.ask("anna", 3)
    assert (refused.status, refused.code, refused.body["available"]) == (409, "queue_closed", 3)
    too_many = await line.ask("anna", 4)
    assert (too_many.code, too_many.body["limit"]) == ("limit_exceeded", 3)


async def test_nobody_waits_for_fewer_places_than_the_ticket_is_sold_in(front: Front) -> None:
    event = await front.event(tickets=[ticket("Pair", 2) | {"min_quantity": 2}], waiting_list={})
    await front.held((event["tickets"][0]["id"], 2), customer="early")
    line = Line(front, event, [])
    refused = await line.ask("anna", 1)
    assert (refused.status, refused.code, refused.body["fields"][0]["path"]) == (422, "invalid", "quantity")
    await line.join("anna", 2)


async def test_the_same_key_has_the_same_answer(front: Front, start_api: StartApi) -> None:
    line = await line_of(front)
    await line.join("ben")
    key = {"Idempotency-Key": "one"}
    first = await line.ask("anna", headers=key)
    await line.give_back()
    await front.call("DELETE", f"{line.path}/{first.body['id']}")
    other = Line(await start_api(), line.event, [])
    again = await other.ask("anna", headers=key)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await line.ask("anna", 2, headers=key)).code == "key_reused"
    held = {"items": [{"ticket_id": line.ticket_id, "quantity": 1}], "customer": {"id": "anna"}}
    assert (await front.call("POST", "/v1/reservations", held, headers=key)).code == "sold_out", "keys of its own"


@pytest.mark.usefixtures("sync")
async def test_managers_list_who_waits(front: Front) -> None:
    line = await line_of(front, 2)
    entries = [await line.join(f"c{number}") for number in range(5)]
    await line.give_back()
    listed = await front.pages(line.path, limit="2")
    assert [each["id"] for each in listed] == [each["id"] for each in entries]
    assert [each["status"] for each in listed] == ["offered"] + ["waiting"] * 4
    assert [each["position"] for each in listed] == [None, 1, 2, 3, 4]
    assert [each["position"] for each in listed[1:]] == [
        (await front.get(f"{line.path}/{each['id']}")).body["position"] for each in listed[1:]
    ]
    for each in listed:
        shapes.check_waiting(each)
    (offered,) = await front.pages(line.path, status="offered")
    assert offered["reservation_id"] == entries[0]["id"]
    assert await front.pages(line.path, ticket_id=str(line.ticket_id + 1)) == []
    assert await front.refused("GET", f"{line.path}?status=lost") == "invalid"


@pytest.mark.usefixtures("sync")
async def test_the_list_ends_and_what_is_left_goes_on_sale(front: Front, shop: Settings) -> None:
    line = await line_of(front, 2)
    many = await line.join("anna", 2)
    await line.give_back()
    assert await front.counts(line.ticket_id) == (0, 2, 0)
    ended = {"waiting_list": {"ends_at": "2026-06-01T18:00:00Z"}}
    assert (await front.call("PATCH", f"/v1/events/{line.event['id']}", ended)).status == 200
    assert await front.counts(line.ticket_id) == (1, 1, 0)
    assert await line.statuses(many) == ["ended"]
    assert (await line.ask("ben")).code == "queue_closed"
    assert await audit(shop) == []


@pytest.mark.usefixtures("sync")
async def test_names_and_contacts_are_shown_and_erased(front: Front, shop: Settings) -> None:
    line = await line_of(front)
    entry = await line.join("anna")
    data = (await front.get("/v1/customers/anna/data")).body
    (shown,) = data["waiting_lists"]
    assert shown["contact"] == {"email": "anna@example.com"}
    assert (await front.call("DELETE", "/v1/customers/anna/data")).status == 202

    async def is_erased() -> bool:
        return (await front.get("/v1/customers/anna/data")).body["erasure"]["done_at"] is not None

    await wait_until(is_erased)
    left = await line.read(entry)
    assert (left["contact"], left["customer"]["first_name"]) == ({"email": None}, None)
    assert left["status"] == "waiting", "it keeps its place in line"
    await line.give_back()
    assert await line.statuses(entry) == ["offered"]
    assert "example" not in str(await front.pages(line.path))
    assert await audit(shop) == []


async def test_seats_that_wait_are_not_shown_as_available(front: Front) -> None:
    rows = [{"name": "A", "seats": 3}]
    venue = (await front.call("POST", "/v1/venues", {"name": "Hall", "sections": [{"name": "S", "rows": rows}]})).body
    section_id = venue["sections"][0]["id"]
    stalls = ticket("Stalls", 0) | {"section_ids": [section_id]}
    del stalls["capacity"]
    event = await front.event(venue_id=venue["id"], tickets=[stalls], waiting_list={})
    line = Line(front, event, [])
    path = f"/v1/events/{event['id']}/sections/{section_id}/seats"
    seats = [seat["seat_id"] for seat in (await front.get(path)).body["items"]]
    taken = [
        (
            await front.call(
                "POST",
                "/v1/reservations",
                {"items": [{"ticket_id": line.ticket_id, "seat_ids": ids}], "customer": {"id": "early"}},
            )
        ).body
        for ids in (seats[:1], seats[1:])
    ]
    entry = await line.join("anna", 2)
    await front.call("DELETE", f"/v1/reservations/{taken[0]['id']}")

    async def statuses() -> list[str]:
        return [seat["status"]["name"] for seat in (await front.get(path)).body["items"]]

    async def all_held() -> bool:
        return await statuses() == ["held"] * 3

    await wait_until(all_held)
    body = {"items": [{"ticket_id": line.ticket_id, "seat_ids": seats[:1]}], "customer": {"id": "crowd"}}
    assert await front.refused("POST", "/v1/reservations", body) == "sold_out"
    await front.call("DELETE", f"/v1/reservations/{taken[1]['id']}")
    offered = (await front.get(f"/v1/reservations/{entry['id']}")).body
    assert [seat["seat_id"] for seat in offered["items"][0]["seats"]] == seats[:2]
