"""Idempotency-Key of what is paid, refunded and put into carts: the first answer, to the byte, for a day."""

import asyncio

import msgspec
import pytest

from api.access.callers import OPEN
from api.idempotency import body_digest
from api.sales.payments import PaymentBody
from engine.engine import Engine
from engine.idempotency import IdempotencyStore, KeyName
from engine.ids import keyed_name
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, SlowGateway, StartApi
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.two_event_carts import Tour, new_cart
from tests.support.waiting import wait_until

KEY = {"Idempotency-Key": "k"}


def check_replay(again: Answer, first: Answer) -> None:
    """The same status and body, and told to be so."""
    assert (again.status, again.body) == (first.status, first.body)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]


async def refund(front: Front, reservation: Json, *, restock: bool = True) -> Answer:
    path = f"/v1/reservations/{reservation['id']}/refund"
    return await front.call("POST", path, {"restock": restock}, headers=KEY)


@pytest.fixture
async def held(front: Front) -> Json:
    event = await front.event(10)
    return await front.held((event["tickets"][0]["id"], 1))


async def test_a_payment_answers_as_the_first_time_after_any_outcome(front: Front, held: Json) -> None:
    paid = await front.pay(held, headers=KEY)
    assert (await refund(front, held)).status == 200
    check_replay(await front.pay(held, headers=KEY), paid)
    assert (await front.read(held))["status"] == "refunded"


@pytest.mark.usefixtures("sync")
async def test_an_unknown_outcome_is_replayed_as_it_was(start_api: StartApi) -> None:
    front = await start_api(gateway_timeout_ms=100)
    event = await front.event(1)
    held = await front.held((event["tickets"][0]["id"], 1))
    first = await front.pay(held, "timeout", headers=KEY)
    assert (first.status, first.body["status"]) == (202, "paying")

    async def paid() -> bool:
        return bool((await front.read(held))["status"] == "paid")

    await wait_until(paid)
    check_replay(await front.pay(held, "timeout", headers=KEY), first)


async def test_a_refund_again_gives_back_once(front: Front, held: Json, ledger: GatewayLedger) -> None:
    assert (await front.pay(held)).status == 200
    first = await refund(front, held)
    assert (first.status, first.body["status"]) == (200, "refunded")
    check_replay(await refund(front, held), first)
    other = await refund(front, held, restock=False)
    assert (other.status, other.code) == (422, "key_reused")
    assert ledger.returned() == [2500]


async def test_a_refund_that_is_owed_is_replayed_as_it_was(start_api: StartApi, slow_gateway: SlowGateway) -> None:
    front = await start_api(gateway_timeout_ms=100)
    event = await front.event(1)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    slow_gateway.open.clear()
    first = await refund(front, paid)
    assert (first.status, first.body["status"]) == (202, "refund_due")
    slow_gateway.open.set()
    check_replay(await refund(front, paid), first)


async def test_a_refund_that_was_refused_took_nothing_so_the_key_stays_good(front: Front, held: Json) -> None:
    assert (await refund(front, held)).code == "not_held"
    assert (await front.pay(held)).status == 200
    assert (await refund(front, held)).status == 200


async def test_pay_and_refund_do_not_share_their_keys(front: Front, held: Json) -> None:
    assert (await front.pay(held, headers=KEY)).body["status"] == "paid"
    assert (await refund(front, held)).body["status"] == "refunded"


@pytest.mark.parametrize("what", ["pay", "refund"])
async def test_the_same_key_in_flight_twice_gets_the_one_answer(
    start_api: StartApi, slow_gateway: SlowGateway, ledger: GatewayLedger, what: str
) -> None:
    fronts = [await start_api(), await start_api()]
    event = await fronts[0].event(1)
    reservation = await fronts[0].held((event["tickets"][0]["id"], 1))
    if what == "refund":
        assert (await fronts[0].pay(reservation)).status == 200

    async def ask(front: Front, *, alike: bool = True) -> Answer:
        if what == "refund":
            return await refund(front, reservation, restock=alike)
        return await front.pay(reservation, "tok_visa" if alike else "other", headers=KEY)

    slow_gateway.open.clear()
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(ask(front)) for front in fronts * 3]
        await wait_until(lambda: ledger.returned() if what == "refund" else ledger.kept())
        other = await ask(fronts[1], alike=False)
        assert (other.status, other.code) == (422, "key_reused"), "known while the first is under way"
        assert not any(call.done() for call in calls)
        slow_gateway.open.set()
    answers = [call.result() for call in calls]
    assert {answer.status for answer in answers} == {200}
    assert all(answer.body == answers[0].body for answer in answers)
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == len(answers) - 1


async def test_a_claim_whose_process_died_expires(front: Front, held: Json, shop: Settings) -> None:
    hasty = msgspec.structs.replace(shop, gateway_timeout_ms=1, command_timeout_ms=150)
    claimed = PaymentBody(amount=2500, currency="EUR", payment_token="tok_visa")  # of the simulated gateway
    async with Engine(hasty) as engine:
        name = KeyName(keyed_name(f"pay {held['id']}", OPEN.scope, "k"))
        assert await IdempotencyStore(engine).claim(name, body_digest(claimed)) is None
        answer = await front.pay(held, headers=KEY)
    assert (answer.status, answer.body["status"]) == (200, "paid")
    assert "Idempotency-Replayed" not in answer.headers


async def test_an_item_again_is_the_same_cart(tour: Tour) -> None:
    cart = new_cart()
    event = tour.events[0]
    body = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "seat_id": tour.seats[0]}
    answers = await asyncio.gather(*(tour.front.call("POST", cart, body, headers=KEY) for _ in range(4)))
    assert {answer.status for answer in answers} == {200}
    assert all(answer.body == answers[0].body for answer in answers)
    other = await tour.front.call("POST", cart, body | {"seat_id": tour.seats[1]}, headers=KEY)
    assert (other.status, other.code) == (422, "key_reused")
    assert (await tour.remove(cart, 0, 0)).status == 200
    again = await tour.front.call("POST", cart, body, headers=KEY)
    assert (again.status, again.body) == (200, answers[0].body)
    assert await tour.statuses(0) == "aaaa", "a replay takes nothing"
    assert (await tour.front.call("POST", new_cart(), body, headers=KEY)).status == 200, "of another cart: another key"
