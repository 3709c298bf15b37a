"""Drafts are there for their managers alone, in every list and on every path, and no cache shows them to others."""

from typing import NamedTuple

import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, ticket

_SHARED = "a secret of thirty-two bytes or more"


class House(NamedTuple):
    """A front end with a draft, another event that is on sale, and the tokens of callers."""

    front: Front
    draft: Json
    timed: Json
    public: Json
    section_id: int
    tokens: dict[str, str]

    async def get(self, who: str, path: str, **headers: str) -> Answer:
        """The answer to a caller at a path."""
        token = self.tokens.get(who)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.front.call(
            "GET", path, headers=sent | ({"Authorization": f"Bearer {token}"} if token else {})
        )

    def paths(self) -> list[str]:
        """All paths of the drafts."""
        event, ticket_id = f"/v1/events/{self.draft['id']}", self.draft["tickets"][0]["id"]
        seats = f"{event}/sections/{self.section_id}/seats"
        slots = f"/v1/events/{self.timed['id']}/slots"
        return [
            event,
            f"{event}/availability",
            f"{event}/sections",
            f"/v1/tickets/{ticket_id}",
            seats,
            f"{seats}?format=compact",
            slots,
        ]


@pytest.fixture
async def house(start_api: StartApi) -> House:
    front = await start_api(auth="jwt", jwt_secret=_SHARED)
    settings = Settings(jwt_secret=_SHARED)
    tokens = {
        "manager": mint(settings, Role.MANAGER),
        "service": mint(settings, Role.SERVICE),
        "customer": mint(settings, Role.CUSTOMER),
        "forger": mint(Settings(jwt_secret="another " + _SHARED), Role.MANAGER),
    }
    boss = {"Authorization": f"Bearer {tokens['manager']}"}

    async def make(path: str, body: Json) -> Json:
        answer = await front.call("POST", path, body, headers=boss)
        assert answer.status == 201, answer
        return answer.body

    venue = await make("/v1/venues", {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": 5}]}]})
    section_id = venue["sections"][0]["id"]
    common = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z"}
    stalls = {"ticket_type": "Stalls", "price": ticket("", 1)["price"], "section_ids": [section_id]}
    draft = await make("/v1/events", common | {"venue_id": venue["id"], "tickets": [stalls]})
    timed = await make("/v1/events", common | {"schedule": {"times": ["13:30"], "capacity": 5}})
    public = await make("/v1/events", common | {"status": "on_sale", "tickets": [ticket("VIP", 5)]})
    tokens["of the draft"] = mint(settings, Role.MANAGER, [draft["id"], timed["id"]])
    tokens["of another"] = mint(settings, Role.MANAGER, [public["id"]])
    return House(front, draft, timed, public, section_id, tokens)


def mint(settings: Settings, role: Role, events: list[int] | None = None) -> str:
    return mint_token(settings, role, "somebody", 3600, events)


async def test_a_draft_is_not_there_for_others(house: House) -> None:
    for who in ("nobody", "service", "customer", "of another", "forger"):
        for path in house.paths():
            answer = await house.get(who, path)
            assert (answer.status, answer.code) == (404, "not_found"), (who, path)
        for path in (
            "/v1/events",
            "/v1/events?status=draft",
            "/v1/tickets",
            f"/v1/tickets?event_id={house.draft['id']}",
        ):
            ids = {item.get("event", item)["id"] for item in (await house.get(who, path)).body["items"]}
            assert not ids & {house.draft["id"], house.timed["id"]}, (who, path)


async def test_a_draft_is_there_for_its_managers(house: House) -> None:
    for who in ("manager", "of the draft"):
        for path in house.paths():
            assert (await house.get(who, path)).status == 200, (who, path)
        for path in ("/v1/events", "/v1/tickets"):
            ids = {item.get("event", item)["id"] for item in (await house.get(who, path)).body["items"]}
            assert {house.draft["id"], house.public["id"]} <= ids, (who, path)


async def test_nothing_can_be_taken_of_a_draft_that_is_not_there(house: House) -> None:
    event_id, ticket_id = house.draft["id"], house.draft["tickets"][0]["id"]
    names = {"first_name": "Milind", "last_name": "Rao", "phone_number": "9334556789"}
    seats = {"items": [{"ticket_id": ticket_id, "quantity": 1, "best_available": True}]}
    takes: list[tuple[str, Json]] = [
        ("/v1/reservations", seats),
        ("/v1/reservations", {"items": [{"ticket_id": ticket_id, "quantity": 1}]}),  # wrong, and nobody may know why
        ("/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49", {"event_id": event_id, "price_id": ticket_id}),
        (f"/v1/events/{house.timed['id']}/bookings", names | {"date": "2027-09-12", "time": "13:30"}),
    ]
    for path, body in takes:
        for who in ("customer", "service"):
            customer = {"customer": {"id": "22"}} if path.endswith("reservations") and who == "service" else {}
            headers = {"Authorization": f"Bearer {house.tokens[who]}"}
            answer = await house.front.call("POST", path, body | customer, headers=headers)
            assert (answer.status, answer.code) == (404, "not_found"), (who, path)
    boss = {"Authorization": f"Bearer {house.tokens['manager']}"}
    answer = await house.front.call("POST", "/v1/reservations", seats | {"customer": {"id": "22"}}, headers=boss)
    assert (answer.status, answer.code) == (409, "not_on_sale_yet")


async def test_no_stream_of_a_draft_begins_for_others(house: House) -> None:
    event = f"/v1/events/{house.draft['id']}"
    for path in (f"{event}/availability/stream", f"{event}/sections/{house.section_id}/seats/stream"):
        for who in ("nobody", "customer", "of another"):
            assert (await house.get(who, path)).status == 404, (who, path)
        boss = {"Authorization": f"Bearer {house.tokens['manager']}"}
        async with house.front.client.get(path, headers=boss) as stream:
            assert stream.status == 200, path


async def test_no_shared_cache_keeps_what_a_manager_sees(house: House) -> None:
    paths = ["/v1/events", "/v1/tickets", f"/v1/events/{house.public['id']}", *house.paths()]
    for who in ("manager", "of the draft"):
        for path in paths:
            answer = await house.get(who, path)
            assert answer.headers["Cache-Control"].startswith("private"), (who, path)
            assert "Authorization" in answer.headers["Vary"]
    for path in ("/v1/events", "/v1/tickets", f"/v1/events/{house.public['id']}"):
        answer = await house.get("nobody", path)
        assert answer.headers["Cache-Control"].startswith("public"), path
        assert "Authorization" in answer.headers["Vary"], "a cache must not show it to managers either"


async def test_the_tag_of_one_view_is_not_that_of_the_other(house: House) -> None:
    for path in ("/v1/events", "/v1/tickets"):
        tag = (await house.get("manager", path)).headers["ETag"]
        assert (await house.get("nobody", path, If_None_Match=tag)).status == 200
        assert (await house.get("manager", path, If_None_Match=tag)).status == 304
    path = house.paths()[0]
    tag = (await house.get("manager", path)).headers["ETag"]
    assert (await house.get("nobody", path, If_None_Match=tag)).status == 404


async def test_a_draft_appears_when_it_is_put_on_sale_and_goes_when_it_is_taken_back(house: House) -> None:
    path = f"/v1/events/{house.draft['id']}"
    boss = {"Authorization": f"Bearer {house.tokens['manager']}"}
    for status, seen in (("on_sale", 200), ("draft", 404), ("closed", 200)):
        assert (await house.front.call("PATCH", path, {"status": status}, headers=boss)).status == 200
        for each in house.paths()[:-1]:
            assert (await house.get("nobody", each)).status == seen, (status, each)
        ids = {item["id"] for item in (await house.get("nobody", "/v1/events")).body["items"]}
        assert (house.draft["id"] in ids) == (seen == 200)


async def test_with_authentication_off_everybody_manages(front: Front) -> None:
    draft = await front.event(5, status="draft")
    for path in (f"/v1/events/{draft['id']}", f"/v1/tickets/{draft['tickets'][0]['id']}"):
        assert (await front.get(path)).status == 200
    assert draft["id"] in {event["id"] for event in await front.pages("/v1/events")}
