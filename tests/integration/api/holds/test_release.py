"""Managers count holds and end them: none that is paid, none whose payment is under way."""

import pytest

from api.access.callers import Role
from api.holds import handlers
from api.http.pagination import list_mark
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json
from tests.support.api.two_event_carts import PRICE, Tour, pinned_places

pytestmark = pytest.mark.usefixtures("sync")

SHARED = "a secret of thirty-two bytes or more"
NONE = {"reservations": 0, "places": 0, "customers": 0, "amounts": []}


def in_state(reservations: int, places: int, customers: int, amount: int) -> Json:
    amounts = [{"amount": amount, "currency": "EUR"}]
    return {"reservations": reservations, "places": places, "customers": customers, "amounts": amounts}


async def release(front: Front, body: Json, **headers: str) -> Json:
    answer = await front.call("POST", "/v1/holds/release", body, headers=headers)
    assert answer.status == 200, answer
    return answer.body


def released(holds: int, places: int, *, paying: int = 0, ended: int = 0) -> Json:
    return {"released": holds, "places": places, "paying": paying, "ended": ended, "next_cursor": None}


async def test_holds_of_an_event_are_counted_and_end(front: Front) -> None:
    event, other = await front.event(50, 50), await front.event(10)
    first, second = (each["id"] for each in event["tickets"])
    mine = [await front.held((first, 2), (second, 1), customer="22"), await front.held((first, 1), customer="22")]
    mine.append(await front.held((second, 3), customer="23"))
    paid, elsewhere = await front.paid((first, 1)), await front.held((other["tickets"][0]["id"], 1))
    pinned = await pinned_places(front, event, 4)

    counted = (await front.get("/v1/holds", event_id=str(event["id"]))).body
    assert counted == {
        "held": in_state(3, 7, 2, 17_500),
        "paying": in_state(1, 4, 1, 10_000),
        "paid": in_state(1, 1, 1, 2_500),
        "bookings": 0,
        "waiting": 0,
    }
    of_ticket = (await front.get("/v1/holds", ticket_id=str(first))).body
    assert (of_ticket["held"], of_ticket["paying"]) == (in_state(2, 3, 1, 7_500), in_state(1, 4, 1, 10_000))

    body = {"event_id": event["id"]}
    assert await release(front, body) == released(3, 7, paying=1)
    assert [(await front.read(each))["status"] for each in mine] == ["cancelled"] * 3
    assert [(await front.read(each))["status"] for each in (paid, pinned, elsewhere)] == ["paid", "paying", "held"]
    assert await front.counts(second) == (50, 0, 0)
    assert (await release(front, body))["released"] == 0
    assert (await front.get("/v1/holds", event_id=str(event["id"]))).body["held"] == NONE


async def test_holds_of_a_customer_end_in_every_event_or_in_one(front: Front) -> None:
    tickets = [(await front.event(10))["tickets"][0] for _ in range(3)]
    holds = [await front.held((each["id"], 1), customer="22") for each in tickets]
    other = await front.held((tickets[0]["id"], 1), customer="23")
    event_id = holds[0]["event"]["id"]
    assert await release(front, {"customer_id": "22", "event_id": event_id}) == released(1, 1)
    assert [(await front.read(each))["status"] for each in holds] == ["cancelled", "held", "held"]
    assert await release(front, {"customer_id": "22"}) == released(2, 2)
    assert (await front.read(other))["status"] == "held"


async def test_the_hold_of_a_seat_ends_whole_and_its_cart_goes_on(tour: Tour) -> None:
    cart = await tour.take((0, 1), (0, 2), (1, 1))
    other = await tour.take((0, 3))
    asked = {"event_id": str(tour.events[0]["id"]), "seat_id": str(tour.seats[1])}
    counted = (await tour.front.get("/v1/holds", **asked)).body
    assert counted["held"] == in_state(1, 2, 1, 2 * PRICE)
    body = {"event_id": tour.events[0]["id"], "seat_id": tour.seats[1]}
    assert await release(tour.front, body) == released(1, 2)
    assert (await tour.statuses(0), await tour.statuses(1)) == ("aaah", "ahaa")
    assert [len((await tour.front.get(each)).body["items"]) for each in (cart, other)] == [1, 1]
    assert (await tour.front.call("PUT", f"{cart}/book")).status == 200, "what is left of it can be bought"


async def test_a_repeat_ends_nothing_that_was_taken_since(front: Front) -> None:
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    await front.held((ticket_id, 2))
    key = {"Idempotency-Key": "dialog-1"}
    first = await release(front, {"event_id": event["id"]}, **key)
    later = await front.held((ticket_id, 1))
    assert await release(front, {"event_id": event["id"]}, **key) == first == released(1, 2)
    assert (await front.read(later))["status"] == "held"
    assert await release(front, {"event_id": event["id"]}, **{"Idempotency-Key": "dialog-2"}) == released(1, 1)


async def test_parts_lead_to_the_oldest_hold_and_to_none_that_is_new(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_PART", 2)
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    holds = [await front.held((ticket_id, 1)) for _ in range(5)]
    body, parts = {"event_id": event["id"]}, []
    part = await release(front, body)
    later = await front.held((ticket_id, 1))
    while part["next_cursor"]:
        parts.append(part["released"])
        part = await release(front, body | {"cursor": part["next_cursor"]})
    assert [*parts, part["released"]] == [2, 2, 1]
    assert {(await front.read(each))["status"] for each in holds} == {"cancelled"}
    assert (await front.read(later))["status"] == "held"


async def test_a_payment_that_ends_meanwhile_keeps_its_places(front: Front) -> None:
    """Postgres may be behind: the engine decides about each hold."""
    event = await front.event(10)
    pinned = await pinned_places(front, event, 1)
    assert await release(front, {"event_id": event["id"]}) == released(0, 0, paying=1)
    assert (await front.call("POST", f"/v1/payments/{pinned['payment']['id']}/complete")).status == 200
    assert await release(front, {"event_id": event["id"]}) == released(0, 0)
    assert (await front.read(pinned))["status"] == "paid"


async def test_a_manager_of_some_events_releases_only_theirs_and_says_why(front: Front, start_api: StartApi) -> None:
    guarded = await start_api(auth="jwt", jwt_secret=SHARED)
    own, foreign = await front.event(10), await front.event(10)
    holds = [await front.held((each["tickets"][0]["id"], 1), customer="22") for each in (own, foreign)]
    some = {
        "Authorization": f"Bearer {mint_token(Settings(jwt_secret=SHARED), Role.MANAGER, 'stage', 600, [own['id']])}"
    }
    for body in ({"event_id": foreign["id"]}, {"event_id": foreign["id"], "customer_id": "22"}):
        assert await guarded.refused("POST", "/v1/holds/release", body, headers=some) == "forbidden"
    path = f"/v1/holds?event_id={foreign['id']}"
    assert await guarded.refused("GET", path, headers=some) == "forbidden"
    why = some | {"X-Reason": "UTF-8''%C5%81azienki%20stage%20moved"}
    assert (await release(guarded, {"customer_id": "22"}, **why))["released"] == 1
    assert [(await front.read(each))["status"] for each in holds] == ["cancelled", "held"]
    (entry,) = (await guarded.call("GET", "/v1/audit-log?action=release_holds", headers=some)).body["items"]
    assert (entry["actor"], entry["resource"]) == ("stage", f"reservation/{holds[0]['id']}")
    assert entry["reason"] == "Łazienki stage moved"


@pytest.mark.parametrize(
    ("body", "path"),
    [({}, "event_id"), ({"seat_id": 3}, "event_id"), ({"customer_id": "22", "seat_id": 3}, "event_id")],
)
async def test_a_release_of_everything_is_refused(front: Front, body: Json, path: str) -> None:
    answer = await front.call("POST", "/v1/holds/release", body)
    assert (answer.status, answer.body["fields"][0]["path"]) == (422, path)
    assert (
        await front.refused("GET", "/v1/holds", params={name: str(value) for name, value in body.items()}) == "invalid"
    )


async def test_a_cursor_of_nobody_is_refused(front: Front) -> None:
    for cursor in ("x", list_mark("/v1/holds/release") + "WzEsICJ4Il0="):
        assert await front.refused("POST", "/v1/holds/release", {"event_id": 1, "cursor": cursor}) == "invalid"
