"""Codes over HTTP: made, named, changed, withdrawn, exported; and slow to guess."""

import asyncio
import csv
from collections import Counter
from io import StringIO
from typing import Any

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, order
from tests.support.waiting import wait_until

UNKNOWN = ("NEVER", "EARLY", "LATE", "BENS", "GONE")


def eur(amount: int) -> Json:
    return {"amount": amount, "currency": "EUR"}


async def made(front: Front, event: Json, **body: Json) -> list[str]:
    """The codes that a request made."""
    answer = await front.call("POST", f"/v1/events/{event['id']}/codes", {"codes": ["FAN27"], **body})
    assert answer.status == 201, answer
    return list(answer.body["codes"])


async def reserve(front: Front, *items: tuple[int, int], code: str = "FAN27", customer: str = "22") -> Answer:
    return await front.call("POST", "/v1/reservations", order(*items, customer=customer) | {"code": code})


async def code_of(front: Front, event: Json, code: str = "FAN27") -> Json:
    answer = await front.get(f"/v1/events/{event['id']}/codes/{code}")
    assert answer.status == 200, answer
    return answer.body


async def availability(front: Front, event: Json) -> Json:
    return (await front.get(f"/v1/events/{event['id']}/availability")).body["tickets"][0]


async def test_statistics_keep_what_is_set_aside_as_availability_does(front: Front, sync: None) -> None:
    event = await front.event(100)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await made(front, event, codes=["A", "B", "C"], kind="allocation", ticket_ids=[ticket_id], places=10)
    paid = (await front.pay((await reserve(front, (ticket_id, 4), code="A")).body)).body
    await reserve(front, (ticket_id, 3), code="B", customer="23")
    some: Json = {"items": [{"ticket_id": ticket_id, "quantity": 1}]}
    assert (await front.call("POST", f"/v1/reservations/{paid['id']}/refund", some)).status == 200

    async def agree() -> bool:
        shown = await availability(front, event)
        of_event = (await front.get(f"/v1/events/{event['id']}/statistics")).body
        (of_type,) = await front.pages("/v1/statistics/ticket-types")
        assert shown["available"] + sum(shown[name] for name in ("held", "sold", "kept")) == 100
        return all(shown[name] == row[name] for name in ("held", "sold", "kept") for row in (of_event, of_type))

    await wait_until(agree)
    assert (await availability(front, event))["kept"] == 30 - 4 - 3 + 1
    assert (await front.call("DELETE", f"/v1/events/{event['id']}/codes/C")).status == 204
    await wait_until(agree)
    assert (await availability(front, event))["kept"] == 20 - 4 - 3 + 1


async def test_a_discount_from_making_to_refund(front: Front) -> None:
    event = await front.event(100, price=30_000)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    assert await made(front, event, kind="discount", percent=25, max_uses=1, tag="fans") == ["FAN27"]
    held = await reserve(front, (ticket_id, 2))
    assert (held.status, held.body["code"], held.body["total"]) == (201, "FAN27", eur(45_000))
    assert (await front.read(held.body))["code"] == "FAN27"
    used_up = await reserve(front, (ticket_id, 1))
    assert (used_up.status, used_up.code) == (409, "code_used_up")
    assert (await front.pay(held.body)).status == 200
    known = await code_of(front, event)
    assert (known["uses"], known["places_held"], known["places_sold"], known["saved"]) == (1, 0, 2, eur(15_000))
    refund = f"/v1/reservations/{held.body['id']}/refund"
    assert (await front.call("POST", refund, {"restock": True})).status == 200
    assert (await code_of(front, event))["uses"] == 0
    assert (await reserve(front, (ticket_id, 1))).status == 201


async def test_every_wrong_code_is_answered_alike(front: Front) -> None:
    event = await front.event(100)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    half: Json = {"kind": "discount", "percent": 50}
    await made(front, event, codes=["EARLY"], valid_from="2090-01-01T00:00:00Z", **half)
    await made(front, event, codes=["LATE"], valid_until="2020-01-01T00:00:00Z", **half)
    await made(front, event, codes=["BENS"], customer_id="ben", **half)
    await made(front, event, codes=["GONE"], **half)
    assert (await front.call("DELETE", f"/v1/events/{event['id']}/codes/GONE")).status == 204
    answers = [await reserve(front, (ticket_id, 1), code=code) for code in UNKNOWN]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "code_unknown")}
    assert len({str(answer.body) for answer in answers}) == 1
    offers = [await front.get(f"/v1/events/{event['id']}/codes/{code}/offer") for code in UNKNOWN]
    assert {str(answer.body) for answer in offers} == {str(answers[0].body)}
    assert (await reserve(front, (ticket_id, 1), code="BENS", customer="ben")).status == 201


async def test_codes_are_slow_to_guess(start_api: StartApi) -> None:
    front = await start_api(wrong_codes_per_minute=1, wrong_codes_burst=5)
    event = await front.event(100)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await made(front, event, kind="access")
    guesses = [(await reserve(front, (ticket_id, 1), code=f"G{number}")).status for number in range(4)]
    guesses.append((await front.get(f"/v1/events/{event['id']}/codes/G5/offer")).status)
    assert guesses == [404] * 5
    right = await reserve(front, (ticket_id, 1))
    assert (right.status, right.body["limited"]) == (429, "address"), "an answer would tell which code is right"
    assert (await front.reserve((ticket_id, 1))).status == 201, "who names no code is not concerned"


async def test_right_codes_are_not_limited(start_api: StartApi) -> None:
    front = await start_api(wrong_codes_per_minute=1, wrong_codes_burst=1)
    event = await front.event(100)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await made(front, event, kind="discount", price=eur(100))
    answers = [await reserve(front, (ticket_id, 1), customer=f"c{number}") for number in range(5)]
    assert {answer.status for answer in answers} == {201}


async def test_two_hundred_buyers_and_three_uses(start_api: StartApi) -> None:
    front = await start_api(command_timeout_ms=20_000)
    event = await front.event(1000)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    for number in range(5):
        code = f"ROUND{number}"
        await made(front, event, codes=[code], kind="discount", percent=10, max_uses=3)
        answers = await asyncio.gather(
            *(reserve(front, (ticket_id, 1), code=code, customer=f"{code}-{buyer}") for buyer in range(200))
        )
        assert Counter(answer.status for answer in answers) == {201: 3, 409: 197}
        held = next(answer.body for answer in answers if answer.status == 201)
        assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
        assert (await reserve(front, (ticket_id, 1), code=code, customer="late")).status == 201


async def test_an_allocation_is_set_aside_and_returns_at_its_end(front: Front) -> None:
    event = await front.event(300)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await made(front, event, kind="allocation", ticket_ids=[ticket_id], places=200)

    async def counts() -> tuple[int, int, int, int]:
        told = await availability(front, event)
        assert told["available"] + told["held"] + told["sold"] + told["kept"] == told["capacity"] == 300
        return told["available"], told["held"], told["sold"], told["kept"]

    async def told(*wanted: int) -> None:
        async def is_told() -> bool:
            return await counts() == wanted

        await wait_until(is_told, 10)

    await told(100, 0, 0, 200)
    assert (await reserve(front, (ticket_id, 5))).status == 201
    await told(100, 5, 0, 195)
    assert (await code_of(front, event))["places_left"] == 195
    path = f"/v1/events/{event['id']}/codes/FAN27"
    assert await front.refused("PATCH", path, {"places": 4}) == "below_taken"
    assert await front.refused("PATCH", path, {"places": 301}) == "sold_out"
    assert (await code_of(front, event))["places"] == 200, "a refused change changes nothing"
    assert (await front.call("PATCH", path, {"places": 250})).status == 200
    await told(50, 5, 0, 245)
    ends = await front.call("PATCH", path, {"valid_until": "2026-01-01T00:00:00Z"})
    assert (ends.status, ends.body["places_left"]) == (200, 0)
    await told(295, 5, 0, 0)
    too_many = {"kind": "allocation", "ticket_ids": [ticket_id], "places": 296, "codes": ["MORE"]}
    assert await front.refused("POST", f"/v1/events/{event['id']}/codes", too_many) == "sold_out"
    assert await front.refused("GET", f"/v1/events/{event['id']}/codes/MORE") == "code_unknown"


async def test_an_access_code_opens_a_hidden_ticket_and_tells_so(front: Front) -> None:
    event = await front.event(10, price=900)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await front.call("PATCH", f"/v1/tickets/{ticket_id}", {"hidden": True})
    await made(front, event, kind="access", ticket_ids=[ticket_id], max_places_per_use=2)
    assert (await front.reserve((ticket_id, 1))).status == 404
    offer = (await front.get(f"/v1/events/{event['id']}/codes/FAN27/offer")).body
    assert (offer["kind"], offer["max_places_per_use"], offer["opens_at"]) == ("access", 2, None)
    assert [(each["id"], each["price"], each["regular_price"]) for each in offer["tickets"]] == [
        (ticket_id, eur(900), eur(900))
    ]
    refused = await reserve(front, (ticket_id, 3))
    assert (refused.status, refused.code, refused.body["limit"]) == (422, "code_not_applicable", 2)
    assert (await reserve(front, (ticket_id, 2))).status == 201


async def test_many_codes_are_made_listed_and_exported(front: Front) -> None:
    event = await front.event(10)
    path = f"/v1/events/{event['id']}/codes"
    body = {"count": 2500, "prefix": "FAN-", "kind": "discount", "percent": 10, "max_uses": 1, "tag": "fans"}
    answer = await front.call("POST", path, body)
    assert (answer.status, answer.body["created"], len(answer.body["codes"])) == (201, 2500, 100)
    assert all(code.startswith("FAN-") and len(code) == 14 for code in answer.body["codes"])
    await made(front, event, codes=["PRESS"], kind="access", tag="=press")
    listed = await front.pages(path, limit=100, kind="access")
    assert [each["code"] for each in listed] == ["PRESS"]
    assert len((await front.get(path, tag="fans")).body["items"]) == 50
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    assert (await reserve(front, (ticket_id, 1), code=answer.body["codes"][99])).status == 201
    exported = await _csv(front, f"{path}.csv", tag="fans")
    assert len(exported) == 2500
    assert sum(int(row["uses"]) for row in exported) == 1
    (press,) = await _csv(front, f"{path}.csv", tag="=press")
    assert press["tag"] == "'=press", "no spreadsheet runs it"


async def _csv(front: Front, path: str, **params: Any) -> list[dict[str, str]]:
    async with front.client.get(path, params=params) as response:
        assert response.status == 200
        assert response.content_type == "text/csv"
        return list(csv.DictReader(StringIO(await response.text())))


async def test_a_code_is_made_once(front: Front) -> None:
    event = await front.event(10)
    path, body = f"/v1/events/{event['id']}/codes", {"codes": ["A", "B"], "kind": "access"}
    headers = {"Idempotency-Key": "codes-1"}
    assert (await front.call("POST", path, body, headers=headers)).status == 201
    again = await front.call("POST", path, body, headers=headers)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert await front.refused("POST", path, {"codes": ["C", "B"], "kind": "access"}) == "in_use"
    assert await front.refused("GET", f"{path}/C") == "code_unknown"
    assert (await front.call("DELETE", f"{path}/B")).status == 204
    assert await front.refused("DELETE", f"{path}/B") == "code_unknown"
    assert (await front.call("POST", path, {"codes": ["C", "B"], "kind": "access"})).status == 201


async def test_bad_codes_are_refused(front: Front) -> None:
    event = await front.event(10)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    path = f"/v1/events/{event['id']}/codes"
    half: Json = {"codes": ["A"], "kind": "discount", "percent": 50}
    bad: list[Json] = [
        {"codes": ["A"], "kind": "discount"},
        half | {"price": eur(1)},
        half | {"count": 3},
        half | {"places": 3},
        half | {"percent": 101},
        half | {"codes": ["A", "A"]},
        half | {"codes": ["A B"]},
        half | {"codes": ["."]},
        half | {"codes": [".."]},  # DELETE /v1/events/1/codes/.. would be that of the event
        half | {"ticket_ids": [ticket_id + 1_000_000]},
        half | {"valid_from": "2027-01-02T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"},
        {"codes": ["A"], "kind": "allocation", "places": 3},
        {"codes": ["A"], "kind": "allocation", "ticket_ids": [ticket_id]},
        {"kind": "access"},
    ]
    assert [await front.refused("POST", path, body) for body in bad] == ["invalid"] * len(bad)
    other = half | {"budget": {"amount": 5, "currency": "USD"}}
    assert await front.refused("POST", path, other) == "currency_not_supported"
    assert (await front.get(path)).body["items"] == []


async def test_a_patch_changes_what_it_names(front: Front) -> None:
    event = await front.event(10, price=1000)
    (ticket_id,) = (ticket["id"] for ticket in event["tickets"])
    await made(front, event, kind="discount", percent=50, max_uses=5)
    held = await reserve(front, (ticket_id, 1))
    path = f"/v1/events/{event['id']}/codes/FAN27"
    changed = await front.call("PATCH", path, {"amount_off": eur(100), "max_uses": None, "budget": eur(600)})
    assert changed.status == 200, changed
    known = changed.body
    assert (known["amount_off"], known["max_uses"], known["budget"], known["saved"]) == (
        eur(100),
        None,
        eur(600),
        eur(500),
    )
    assert "percent" not in known
    assert (await front.read(held.body))["total"] == eur(500)
    assert (await reserve(front, (ticket_id, 1), customer="a")).body["total"] == eur(900)
    assert (await reserve(front, (ticket_id, 1), customer="b")).code == "code_used_up"
    assert await front.refused("PATCH", path, {"places": 3}) == "invalid"


async def test_a_cart_has_one_code(front: Front) -> None:
    one, other = await front.event(10, price=1000), await front.event(10, price=1000)
    tickets = [event["tickets"][0]["id"] for event in (one, other)]
    for event in (one, other):
        await made(front, event, codes=["A", "B"], kind="discount", percent=50, max_uses=1)
    cart = "/v1/orders/carts/0b0e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"
    first: Json = {"event_id": one["id"], "price_id": tickets[0], "quantity": 2, "code": "A"}
    taken = await front.call("POST", cart, first)
    assert (taken.status, taken.body["total"]) == (200, eur(1000))
    assert (await front.call("POST", cart, first)).body["total"] == eur(1000), "again changes nothing"
    second: Json = {"event_id": other["id"], "price_id": tickets[1], "quantity": 1}
    assert await front.refused("POST", cart, second | {"code": "A"}) == "code_not_applicable", "of another event"
    assert await front.refused("POST", cart, first | {"quantity": 3, "code": "B"}) == "code_not_applicable"
    assert await front.refused("POST", cart, second | {"code": "NEVER"}) == "code_not_applicable"
    assert (await front.call("POST", cart, second)).body["total"] == eur(2000)
    assert (await front.call("POST", cart, first | {"quantity": 0})).status == 200
    assert (await code_of(front, one, "A"))["uses"] == 0
    swapped = await front.call("POST", cart, second | {"quantity": 3, "code": "B"})
    assert (swapped.status, swapped.body["total"]) == (200, eur(2000)), "what it has keeps its price"
    booked = await front.call("PUT", f"{cart}/book")
    assert (await front.call("POST", f"/v1/payments/{booked.body['payment_id']}/complete")).status == 200
    assert (await code_of(front, other, "B"))["places_sold"] == 2
