"""Terms that a ticket has beside those of its event: paused, hidden, a window, a least quantity, another name."""

from datetime import UTC, datetime, timedelta

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json, ticket

_SHARED = "a secret of thirty-two bytes or more"
_CART = "/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"


def _in(**offset: float) -> str:
    return (datetime.now(UTC) + timedelta(**offset)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_texts_of_an_event(front: Front) -> None:
    texts: Json = {
        "description": "First line\n\tSecond line — é" + "x" * 9000,
        "image_url": "https://cdn.example/a.png",
    }
    event = await front.event(1, **texts)
    path = f"/v1/events/{event['id']}"
    assert {name: event[name] for name in texts} == texts
    cleared = await front.call("PATCH", path, {"description": None})
    assert (cleared.body["description"], cleared.body["image_url"]) == (None, texts["image_url"])
    for wrong in (
        {"description": "x" * 10_001},
        {"description": "a\x00"},
        {"description": " \n"},
        {"image_url": "a.png"},
    ):
        assert await front.refused("PATCH", path, wrong) == "invalid", wrong
    assert (await front.get(path)).body == cleared.body


async def test_a_ticket_has_terms_of_its_own(front: Front) -> None:
    event = await front.event(5, 5)
    (one, _), path = (each["id"] for each in event["tickets"]), f"/v1/events/{event['id']}"
    cases: list[tuple[Json, str]] = [
        ({"paused": True}, "sale_paused"),
        ({"paused": False, "hidden": True}, "not_found"),
        ({"hidden": False, "sale_opens_at": _in(days=1)}, "not_on_sale_yet"),
        ({"sale_opens_at": None, "sale_closes_at": _in(days=-1)}, "sale_closed"),
        ({"sale_closes_at": None, "min_quantity": 2}, "invalid"),
    ]
    for change, code in cases:
        changed = await front.call("PATCH", f"/v1/tickets/{one}", change)
        shapes.check_ticket(changed.body)
        assert change.items() <= changed.body.items()
        refused = await front.reserve((one, 1))
        assert refused.code == code, change
        if code == "not_on_sale_yet":
            assert refused.body["opens_at"] == change["sale_opens_at"]
        if code == "invalid":
            assert refused.body["fields"][0]["path"] == "items[0].quantity"
        shown = (await front.get(path)).body
        shapes.check_event(shown)
        assert shown["ticket_types"] == {"T0": code == "invalid", "T1": True}, change
        offered = [each["id"] for each in await front.pages("/v1/tickets", event_id=event["id"], available="true")]
        assert (one in offered) == (code == "invalid"), change
        cart = await front.call("POST", _CART, {"event_id": event["id"], "price_id": one, "quantity": 1})
        assert cart.code == code, change
    assert await front.counts(one) == (5, 0, 0)
    assert (await front.reserve((one, 1), (one, 1))).status == 201, "the items of a ticket count together"
    assert (await front.reserve((one, 2))).status == 201

    renamed = await front.call("PATCH", f"/v1/tickets/{one}", {"ticket_type": "Early bird"})
    assert renamed.body["ticket_type"] == "Early bird"
    assert (await front.get(path)).body["ticket_types"] == {"Early bird": False, "T1": True}, "one is left"


async def test_a_ticket_is_made_with_its_terms(front: Front) -> None:
    window = {"sale_opens_at": _in(days=-1), "sale_closes_at": _in(days=1)}
    terms = {"paused": True, "hidden": True, "min_quantity": 3, **window}
    event = await front.event(tickets=[ticket("VIP", 5) | terms])
    made = event["tickets"][0]
    assert terms.items() <= made.items()
    kept = await front.call("PATCH", f"/v1/tickets/{made['id']}", {"capacity": 6})
    assert kept.body == made | {"capacity": 6, "available": 6}
    wrong: list[Json] = [
        {"sale_closes_at": window["sale_opens_at"]},
        {"sale_opens_at": _in(days=2)},
        {"min_quantity": 0},
        {"min_quantity": 101},
        {"sale_opens_at": "0001-01-01T00:00:00Z"},
    ]
    for each in wrong:
        assert await front.refused("PATCH", f"/v1/tickets/{made['id']}", each) == "invalid", each
        offer = ticket("B", 1) | window | each
        assert await front.refused("POST", f"/v1/events/{event['id']}/tickets", offer) == "invalid", each


async def test_a_cart_with_fewer_seats_than_a_ticket_is_sold_in_is_not_booked(front: Front) -> None:
    hall = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": 4}]}]}
    venue = (await front.call("POST", "/v1/venues", hall)).body
    offer = {"ticket_type": "Pair", "price": ticket("", 1)["price"], "section_ids": [venue["sections"][0]["id"]]}
    event = await front.event(venue_id=venue["id"], tickets=[offer | {"min_quantity": 2}])
    (price_id,) = (each["id"] for each in event["tickets"])
    seats = (await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"][0]["rows"][0]["seats"]
    for number, code in ((0, "invalid"), (1, None)):
        item = {"event_id": event["id"], "price_id": price_id, "seat_id": seats[number]["id"]}
        assert (await front.call("POST", _CART, item)).status == 200
        booked = await front.call("PUT", f"{_CART}/book")
        assert (booked.status, booked.status >= 400 and booked.code) == ((200, False) if code is None else (422, code))


async def test_hidden_tickets_are_for_their_managers_alone(start_api: StartApi) -> None:
    front = await start_api(auth="jwt", jwt_secret=_SHARED)
    boss = {"Authorization": f"Bearer {mint_token(Settings(jwt_secret=_SHARED), Role.MANAGER, 'boss', 3600)}"}
    offers = [ticket("VIP", 5), ticket("Crew", 5) | {"hidden": True}]
    body = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "tickets": offers}
    event = (await front.call("POST", "/v1/events", body, headers=boss)).body
    (shown, hidden), path = (each["id"] for each in event["tickets"]), f"/v1/events/{event['id']}"
    for headers, expected in ((boss, [shown, hidden]), ({}, [shown])):
        assert [each["id"] for each in (await front.call("GET", path, headers=headers)).body["tickets"]] == expected
        listed = await front.call("GET", "/v1/tickets", headers=headers)
        assert [each["id"] for each in listed.body["items"]] == expected
        counted = await front.call("GET", f"{path}/availability", headers=headers)
        assert [each["ticket_id"] for each in counted.body["tickets"]] == expected
        answer = await front.call("GET", f"/v1/tickets/{hidden}", headers=headers)
        assert answer.status == (200 if headers else 404)


async def test_hidden_prices_of_seats_are_for_managers_alone(start_api: StartApi) -> None:
    front = await start_api(auth="jwt", jwt_secret=_SHARED)
    boss = {"Authorization": f"Bearer {mint_token(Settings(jwt_secret=_SHARED), Role.MANAGER, 'boss', 3600)}"}
    hall = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": 1}]}]}
    venue = (await front.call("POST", "/v1/venues", hall, headers=boss)).body
    section_id = venue["sections"][0]["id"]
    offer = {"price": ticket("", 1)["price"], "section_ids": [section_id]}
    offers = [offer | {"ticket_type": "Adult"}, offer | {"ticket_type": "Crew", "hidden": True}]
    body = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "venue_id": venue["id"], "status": "on_sale"}
    event = (await front.call("POST", "/v1/events", body | {"tickets": offers}, headers=boss)).body
    path = f"/v1/events/{event['id']}/sections/{section_id}/seats"
    for headers, names in ((boss, ["Adult", "Crew"]), ({}, ["Adult"]), (boss, ["Adult", "Crew"])):
        (seat,) = (await front.call("GET", path, headers=headers)).body["items"]
        assert [price["name"] for price in seat["prices"]] == names
