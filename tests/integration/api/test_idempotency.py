"""Idempotency-Key: the same key with the same body has its effect once, and the same answer."""

import asyncio
import json

import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.api.api_client import Front, Json, order, ticket
from tests.support.api.sample_requests import BOOKING, HALL, TIMED_EVENT, WEBHOOK
from tests.support.waiting import wait_until

SHARED = "a secret of thirty-two bytes or more"
EVENT = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z"}


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def _post(front: Front, body: Json, key: str) -> Json:
    return await front.call("POST", "/v1/reservations", body, headers=_key(key))


async def test_the_same_again_has_no_further_effect(start_api: StartApi) -> None:
    ours, theirs = await start_api(), await start_api()
    event = await ours.event(10)
    ticket_id = event["tickets"][0]["id"]
    body = order((ticket_id, 2))
    first = await _post(ours, body, "a key".replace(" ", "-"))
    assert first.status == 201
    assert "Idempotency-Replayed" not in first.headers

    for front in (ours, theirs):
        again = await _post(front, body, "a-key")
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
    assert await ours.counts(ticket_id) == (8, 2, 0)
    assert (await _post(ours, body, "another-key")).body["id"] != first.body["id"]


async def test_the_same_key_at_once(start_api: StartApi) -> None:
    fronts = [await start_api(), await start_api()]
    event = await fronts[0].event(10)
    body = order((event["tickets"][0]["id"], 1))
    answers = await asyncio.gather(*(_post(fronts[number % 2], body, "k") for number in range(40)))

    assert {answer.status for answer in answers} == {201}
    assert all(answer.body == answers[0].body for answer in answers)
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert await fronts[0].counts(event["tickets"][0]["id"]) == (9, 1, 0)


async def test_the_answer_is_the_same_after_any_outcome(front: Front) -> None:
    event = await front.event(10, hold_seconds=1)
    ticket_id = event["tickets"][0]["id"]
    body = order((ticket_id, 1))
    firsts = {key: (await _post(front, body, key)).body for key in ("paid", "cancelled", "expired")}
    assert (await front.pay(firsts["paid"])).status == 200
    assert (await front.call("DELETE", f"/v1/reservations/{firsts['cancelled']['id']}")).status == 204

    async def ended() -> bool:
        return bool((await front.read(firsts["expired"]))["status"] == "expired")

    await wait_until(ended, timeout=3)
    for key, first in firsts.items():
        again = await _post(front, body, key)
        assert (again.status, again.body) == (201, first)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (await front.read(first))["status"] == key
    assert await front.counts(ticket_id) == (9, 0, 1)


async def test_the_answer_is_the_same_when_the_event_no_longer_sells(front: Front) -> None:
    event = await front.event(1)
    body = order((event["tickets"][0]["id"], 1))
    first = await _post(front, body, "k")
    assert (await front.call("PATCH", f"/v1/events/{event['id']}", {"status": "closed"})).status == 200

    again = await _post(front, body, "k")
    assert (again.status, again.body) == (201, first.body)


async def test_a_key_is_for_one_body(front: Front) -> None:
    event = await front.event(10, 10)
    one, two = (each["id"] for each in event["tickets"])
    body = order((one, 1))
    first = await _post(front, body, "k")
    assert first.status == 201

    for other in (
        order((one, 2)),
        order((two, 1)),
        order((one, 1), (two, 1)),
        order((one, 1), customer="23"),
        body | {"customer": {"id": "22"}},
        body | {"customer": body["customer"] | {"first_name": "islom"}},
    ):
        refused = await _post(front, other, "k")
        assert (refused.status, refused.code) == (422, "key_reused")
    assert await front.counts(one) == (9, 1, 0)
    assert await front.counts(two) == (10, 0, 0)


async def test_the_same_body_written_otherwise_is_the_same(front: Front) -> None:
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    first = await _post(front, order((ticket_id, 1)), "k")
    customer = b'{"last_name":"Karimov", "first_name":"\\u0049slom", "id":"22"}'
    raw = b'{"customer":' + customer + b', "items":[{"quantity":1,"ticket_id":%d}]}'
    again = await front.call(
        "POST", "/v1/reservations", raw=raw % ticket_id, headers=_key("k") | {"Content-Type": "application/json"}
    )
    assert (again.status, again.body) == (201, first.body)


async def test_a_refusal_takes_nothing_so_the_key_stays_good(front: Front) -> None:
    event = await front.event(1)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    body = order((ticket_id, 1))
    assert (await _post(front, body, "k")).code == "sold_out"
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
    assert (await _post(front, body, "k")).status == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 256, "a\tb"])
async def test_keys_that_are_none(front: Front, key: str, ledger: GatewayLedger) -> None:
    event = await front.event(1)
    ticket_id = event["tickets"][0]["id"]
    refused = await _post(front, order((ticket_id, 1)), key)
    assert (refused.status, refused.code) == (422, "invalid")
    assert refused.body["fields"][0]["path"] == "Idempotency-Key"
    assert await front.counts(ticket_id) == (1, 0, 0)

    held = await front.held((ticket_id, 1))
    assert (await front.pay(held, headers=_key(key))).code == "invalid"
    assert (await front.read(held))["status"] == "held"
    assert ledger.kept() == []


@pytest.mark.parametrize("key", ["k", "k" * 255, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
async def test_keys_that_are_some(front: Front, key: str) -> None:
    event = await front.event(1)
    answers = [await _post(front, order((event["tickets"][0]["id"], 1)), key) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]


async def test_a_payment_again_charges_once(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(10)
    held = await front.held((event["tickets"][0]["id"], 2))
    first = await front.pay(held, headers=_key("p"))
    assert first.status == 200
    assert "Idempotency-Replayed" not in first.headers
    again = await front.pay(held, headers=_key("p"))

    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ledger.kept() == [5000]
    for other in ({"amount": 1}, {"token": "tok_master"}):
        refused = await front.pay(held, headers=_key("p"), **other)
        assert (refused.status, refused.code) == (422, "key_reused")


async def test_a_payment_that_failed_answers_the_same_and_another_key_tries_again(
    front: Front, ledger: GatewayLedger
) -> None:
    event = await front.event(10)
    held = await front.held((event["tickets"][0]["id"], 1))
    for key, token, code in (("a", "card_error", "card_declined"), ("b", "payment_error", "payment_failed")):
        first = await front.pay(held, token, headers=_key(key))
        assert (first.status, first.code) == (402, code)
        assert "Idempotency-Replayed" not in first.headers
        again = await front.pay(held, token, headers=_key(key))
        assert (again.status, again.body) == (402, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert (await front.pay(held, headers=_key("c"))).status == 200
    assert (await front.pay(held, "card_error", headers=_key("a"))).code == "card_declined"
    assert ledger.kept() == [2500]


async def test_a_key_of_one_reservation_is_free_for_another(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(10)
    for _ in range(2):
        held = await front.held((event["tickets"][0]["id"], 1))
        answer = await front.pay(held, headers=_key("p"))
        assert answer.status == 200
        assert "Idempotency-Replayed" not in answer.headers
    assert ledger.kept() == [2500, 2500]


async def test_a_key_is_for_one_event(start_api: StartApi) -> None:
    """On every process, for reservations and for bookings; a new key goes."""
    ours, theirs = await start_api(), await start_api()
    events = [await ours.event(5) for _ in range(2)]
    first, second = (order((event["tickets"][0]["id"], 1)) for event in events)
    assert (await _post(ours, first, "k")).status == 201
    for front in (ours, theirs):
        again = await _post(front, second, "k")
        assert (again.status, again.code) == (422, "key_reused")
        assert (await _post(front, first, "k")).headers["Idempotency-Replayed"] == "true"
    assert await ours.counts(events[1]["tickets"][0]["id"]) == (5, 0, 0)
    assert (await _post(ours, second, "another")).status == 201

    museums = [(await ours.call("POST", "/v1/events", TIMED_EVENT)).body["id"] for _ in range(2)]
    paths = [f"/v1/events/{museum}/bookings" for museum in museums]
    assert (await ours.call("POST", paths[0], BOOKING, headers=_key("k"))).status == 201
    again = await theirs.call("POST", paths[1], BOOKING, headers=_key("k"))
    assert (again.status, again.code) == (422, "key_reused")
    assert (await theirs.call("POST", paths[1], BOOKING, headers=_key("another"))).status == 201


async def test_a_managers_creations_happen_once(start_api: StartApi) -> None:
    ours, theirs = await start_api(), await start_api()
    event = await ours.event(5)
    creates: dict[str, tuple[Json, Json]] = {
        "/v1/events": ({**EVENT, "tickets": [ticket("VIP", 5)]}, EVENT),
        f"/v1/events/{event['id']}/tickets": (ticket("VIP", 5), ticket("VIP", 6)),
        "/v1/venues": (HALL, {**HALL, "name": "Another hall"}),
        "/v1/webhooks": (WEBHOOK, {**WEBHOOK, "description": "another"}),
    }
    for path, (body, other) in creates.items():
        at_once = [(ours, theirs)[number % 2].call("POST", path, body, headers=_key("k")) for number in range(6)]
        made = await asyncio.gather(*at_once)
        assert {answer.status for answer in made} == {201}, path
        assert len({json.dumps(answer.body) for answer in made}) == 1, path
        assert len({answer.headers["Location"] for answer in made}) == 1
        assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1, path
        assert await ours.refused("POST", path, other, headers=_key("k")) == "key_reused"
        assert (await ours.call("POST", path, body, headers=_key("another"))).body["id"] != made[0].body["id"]
    assert len((await ours.get(f"/v1/events/{event['id']}")).body["tickets"]) == 3
    assert len(await ours.pages("/v1/webhooks")) == 2


async def test_keys_belong_to_their_sender(start_api: StartApi) -> None:
    front = await start_api(auth="jwt", jwt_secret=SHARED)
    settings = Settings(jwt_secret=SHARED)
    made = []
    for role, sub in ((Role.MANAGER, "a"), (Role.MANAGER, "b")):
        token = {"Authorization": f"Bearer {mint_token(settings, role, sub, 3600, None)}"}
        made.append(await front.call("POST", "/v1/events", EVENT, headers=_key("k") | token))
        assert "Idempotency-Replayed" not in made[-1].headers
    assert made[0].body["id"] != made[1].body["id"]
