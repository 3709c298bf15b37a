"""Paying, and giving the money back."""

import asyncio

import aiohttp
import msgspec
import pytest

from engine.ids import new_attempt_id, new_reservation_id
from engine.settings import Settings
from engine.words import FailureReason
from payments.gateway import Failed, HttpGateway
from tests.integration.api.conftest import GatewayLedger, SlowGateway, StartApi, resolving
from tests.support.api.api_client import Front, Json
from tests.support.waiting import wait_until


async def _becomes(front: Front, reservation: Json, status: str) -> Json:
    async def has() -> bool:
        return bool((await front.read(reservation))["status"] == status)

    await wait_until(has, timeout=5, what=f"{status} of a reservation")
    return await front.read(reservation)


async def test_a_payment_to_the_letter(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(10, price=30000)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 2))
    answer = await front.pay(held)

    assert answer.status == 200
    assert answer.body["status"] == "paid"
    payment = answer.body["payment"]
    assert (payment["status"], payment["amount"], payment["currency"]) == ("completed", 60000, "EUR")
    same = ("id", "event", "customer", "items", "total", "created_at")
    assert {name: answer.body[name] for name in same} == {name: held[name] for name in same}
    assert await front.read(held) == answer.body
    assert await front.counts(ticket_id) == (8, 0, 2)
    assert ledger.kept() == [60000]


async def test_paid_is_paid(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(10)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    again = await front.pay(paid)

    assert (again.status, again.body) == (200, paid)
    assert (await front.pay(paid, amount=1)).code == "amount_mismatch"
    assert ledger.kept() == [2500]


async def test_many_at_once_charge_once(start_api: StartApi, ledger: GatewayLedger, slow_gateway: SlowGateway) -> None:
    fronts = [await start_api(gateway_timeout_ms=20_000) for _ in range(2)]
    event = await fronts[0].event(10)
    held = await fronts[0].held((event["tickets"][0]["id"], 1))
    slow_gateway.open.clear()
    async with asyncio.TaskGroup() as group:
        pays = [group.create_task(fronts[number % 2].pay(held)) for number in range(50)]
        await wait_until(lambda: sum(pay.done() for pay in pays) == 49)
        slow_gateway.open.set()
    answers = [pay.result() for pay in pays]

    assert sorted(answer.status for answer in answers) == [200, *[409] * 49]
    assert {answer.code for answer in answers if answer.status == 409} == {"payment_in_progress"}
    assert ledger.kept() == [2500]
    assert (await fronts[0].read(held))["status"] == "paid"


async def test_without_the_pin_the_same_crowd_is_charged_many_times(gateway_url: str, ledger: GatewayLedger) -> None:
    """The negative control of the two beside it: nothing else than the attempt that is written first keeps from it."""
    async with aiohttp.ClientSession() as session:
        gateway = HttpGateway(session, gateway_url, 10)
        attempts = [new_attempt_id(new_reservation_id(1)) for _ in range(50)]
        await asyncio.gather(*(gateway.charge(attempt, 2500, "EUR", "tok_visa") for attempt in attempts))
    assert ledger.kept() == [2500] * 50


async def test_many_with_one_key_charge_once(start_api: StartApi, ledger: GatewayLedger) -> None:
    fronts = [await start_api(), await start_api()]
    event = await fronts[0].event(10)
    held = await fronts[0].held((event["tickets"][0]["id"], 1))
    key = {"Idempotency-Key": "p"}
    answers = await asyncio.gather(*(fronts[number % 2].pay(held, headers=key) for number in range(50)))

    assert {answer.status for answer in answers} == {200}
    assert all(answer.body == answers[0].body for answer in answers)
    assert ledger.kept() == [2500]


@pytest.mark.parametrize(("token", "code"), [("card_error", "card_declined"), ("payment_error", "payment_failed")])
async def test_a_payment_that_fails_leaves_the_hold(front: Front, ledger: GatewayLedger, token: str, code: str) -> None:
    event = await front.event(1)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    refused = await front.pay(held, token)

    assert (refused.status, refused.code) == (402, code)
    after = await front.read(held)
    assert (after["status"], after["expires_at"]) == ("held", held["expires_at"])
    assert await front.counts(ticket_id) == (0, 1, 0)
    assert ledger.kept() == []
    for _ in range(10):
        assert (await front.pay(held, token)).code == code
    assert (await front.pay(held)).status == 200
    assert ledger.kept() == [2500]


async def test_after_a_failed_payment_the_hold_lives_until_its_own_deadline(front: Front) -> None:
    event = await front.event(1, hold_seconds=1)
    held = await front.held((event["tickets"][0]["id"], 1))
    assert (await front.pay(held, "card_error")).code == "card_declined"
    await _becomes(front, held, "expired")
    assert (await front.pay(held)).code == "expired"
    assert await front.counts(event["tickets"][0]["id"]) == (1, 0, 0)


@pytest.mark.parametrize("amount", [0, 2499, 2501, 10**15])
async def test_another_amount_is_refused(front: Front, ledger: GatewayLedger, amount: int) -> None:
    event = await front.event(1)
    held = await front.held((event["tickets"][0]["id"], 1))
    refused = await front.pay(held, amount=amount)

    assert (refused.status, refused.code) == (422, "amount_mismatch")
    assert (await front.read(held))["status"] == "held"
    assert ledger.kept() == []


async def test_another_currency_is_refused(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(1)
    held = await front.held((event["tickets"][0]["id"], 1))
    for currency in ("USD", "eur", "EUROS"):
        body = {"amount": 2500, "currency": currency, "payment_token": "tok_visa"}
        assert await front.refused("POST", f"/v1/reservations/{held['id']}/pay", body) == "currency_not_supported"
    assert ledger.kept() == []


async def test_free_places_are_paid_with_nothing(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(1, price=0)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    assert (paid["status"], paid["payment"]["amount"]) == ("paid", 0)
    assert ledger.kept() == [], "nobody is asked for nothing"


async def test_an_unknown_outcome_pins_the_places_until_it_is_known(
    start_api: StartApi, sync: None, ledger: GatewayLedger
) -> None:
    front = await start_api(gateway_timeout_ms=100)
    event = await front.event(1, hold_seconds=1)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    answer = await front.pay(held, "timeout")

    assert (answer.status, answer.body["status"]) == (202, "paying")
    assert answer.body["payment"]["status"] == "pending"
    for refused in (await front.pay(held), await front.call("DELETE", f"/v1/reservations/{held['id']}")):
        assert (refused.status, refused.code) == (409, "payment_in_progress")
    assert await front.counts(ticket_id) == (0, 1, 0)
    paid = await _becomes(front, held, "paid")
    assert paid["payment"]["id"] == answer.body["payment"]["id"]
    assert ledger.kept() == [2500]
    assert await front.counts(ticket_id) == (0, 0, 1)


@pytest.mark.usefixtures("sync")
@pytest.mark.parametrize(
    ("token", "gateway_timeout_ms", "status"),
    [("answer_twice", 20_000, 200), ("answer_lost", 200, 202), ("answer_late", 200, 202)],
)
async def test_money_that_was_taken_is_a_ticket_however_it_was_answered(
    start_api: StartApi, ledger: GatewayLedger, token: str, gateway_timeout_ms: int, status: int
) -> None:
    front = await start_api(gateway_timeout_ms=gateway_timeout_ms)
    held = await front.held(((await front.event(1))["tickets"][0]["id"], 1))
    assert (await front.pay(held, token)).status == status
    await _becomes(front, held, "paid")
    assert ledger.kept() == [2500]


async def test_past_the_pin_it_is_voided_at_the_gateway_and_then_given_back(
    start_api: StartApi, shop: Settings, gateway_url: str
) -> None:
    front = await start_api(gateway_timeout_ms=100)
    event = await front.event(1, hold_seconds=1)
    held = await front.held((event["tickets"][0]["id"], 1))
    answer = await front.pay(held, "answer_never")
    assert (answer.status, answer.body["status"]) == (202, "paying")
    async with resolving(msgspec.structs.replace(shop, pin_seconds=2)):
        after = await _becomes(front, held, "expired")
    assert after["payment"]["status"] == "failed"
    assert await front.counts(event["tickets"][0]["id"]) == (1, 0, 0)
    async with aiohttp.ClientSession() as session:
        straggler = await HttpGateway(session, gateway_url, 5).charge(answer.body["payment"]["id"], 2500, "EUR", "t")
    assert straggler == Failed(FailureReason.PAYMENT_FAILED)


async def test_a_client_that_hangs_up_has_paid_all_the_same(
    front: Front, ledger: GatewayLedger, slow_gateway: SlowGateway
) -> None:
    event = await front.event(1)
    held = await front.held((event["tickets"][0]["id"], 1))
    slow_gateway.open.clear()
    call = asyncio.ensure_future(front.pay(held))
    await wait_until(lambda: ledger.kept() == [2500])
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await front.read(held))["status"] == "paying"
    slow_gateway.open.set()

    await _becomes(front, held, "paid")
    assert ledger.kept() == [2500]


async def test_a_server_that_stops_takes_its_payments_to_their_end(
    start_api: StartApi, ledger: GatewayLedger, slow_gateway: SlowGateway
) -> None:
    front, other = await start_api(), await start_api()
    event = await front.event(1)
    held = await front.held((event["tickets"][0]["id"], 1))
    slow_gateway.open.clear()
    async with asyncio.TaskGroup() as group:
        pay = group.create_task(front.pay(held))
        await wait_until(lambda: ledger.kept() == [2500])
        pay.cancel()
        stop = group.create_task(front.client.close())
        await asyncio.sleep(0.05)  # the server is stopping by then, and has nothing else to wait for
        slow_gateway.open.set()
        await stop
    assert (await other.read(held))["status"] == "paid"


@pytest.mark.parametrize(("restock", "counts"), [(True, (3, 0, 0)), (False, (1, 0, 0))])
async def test_a_refund(front: Front, ledger: GatewayLedger, restock: bool, counts: tuple[int, int, int]) -> None:
    event = await front.event(3)
    ticket_id = event["tickets"][0]["id"]
    paid = await front.paid((ticket_id, 2))
    path, body = f"/v1/reservations/{paid['id']}/refund", {"restock": restock}
    answer = await front.call("POST", path, body)

    assert (answer.status, answer.body["status"]) == (200, "refunded")
    assert await front.read(paid) == answer.body
    assert await front.counts(ticket_id) == counts
    assert (ledger.kept(), ledger.returned()) == ([], [5000])
    assert (await front.call("POST", path, body)).body == answer.body
    assert await front.counts(ticket_id) == counts
    for refused in (await front.call("DELETE", f"/v1/reservations/{paid['id']}"), await front.pay(paid)):
        assert (refused.status, refused.code) == (409, "not_held")


async def test_refunds_at_once_give_back_once(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(3)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    path = f"/v1/reservations/{paid['id']}/refund"
    answers = await asyncio.gather(*(front.call("POST", path, {"restock": True}) for _ in range(20)))

    assert {(answer.status, answer.body["status"]) for answer in answers} == {(200, "refunded")}
    assert await front.counts(event["tickets"][0]["id"]) == (3, 0, 0)
    assert ledger.returned() == [2500]


async def test_unpaid_reservations_are_not_refunded(front: Front) -> None:
    event = await front.event(3)
    held = await front.held((event["tickets"][0]["id"], 1))
    path = f"/v1/reservations/{held['id']}/refund"
    refused = await front.call("POST", path, {"restock": True})
    assert (refused.status, refused.code) == (409, "not_held")
    assert (await front.read(held))["status"] == "held"
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
    assert (await front.call("POST", path, {"restock": True})).code == "not_held"
