"""Payments are compared with the sums owed; refunds made elsewhere count; a manager settles the rest."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.access.callers import Role
from cli.gateway.app import create_gateway_app
from cli.tokens import mint_token
from engine.settings import Settings
from payments.gateway import ChargeView
from tests.integration.api.conftest import GatewayLedger, StartApi, resolving
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.two_event_carts import PRICE, Tour
from tests.support.payments.charging import charge_at_gateway, refund_at_gateway
from tests.support.waiting import wait_until

OWED = 2 * PRICE
SHARED = "a secret of thirty-two bytes or more"


async def settle(front: Front, payment_id: str, outcome: str) -> Answer:
    body = {"outcome": outcome, "note": "The customer paid the rest in cash"}
    return await front.call("POST", f"/v1/payments/{payment_id}/settle", body)


async def payment_of(front: Front, payment_id: str) -> Json:
    answer = await front.get(f"/v1/payments/{payment_id}")
    assert answer.status == 200, answer
    return answer.body


async def is_disputed(front: Front, payment_id: str, amount: int, currency: str = "EUR") -> bool:
    payment = await payment_of(front, payment_id)
    received = {"amount": amount, "currency": currency}
    return bool(payment["status"] == "disputed" and payment["received"] == received)


@pytest.mark.parametrize(("amount", "currency"), [(1, "EUR"), (OWED + 1, "EUR"), (OWED, "USD")])
async def test_a_charge_of_another_amount_sells_no_cart(tour: Tour, amount: int, currency: str) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    await charge_at_gateway(tour.front, payment_id, amount, currency)
    for _ in range(2):
        answer = await tour.end(payment_id, "complete")
        assert (answer.status, answer.body["status"], answer.body["amount"]) == (200, "disputed", OWED)
        assert await is_disputed(tour.front, payment_id, amount, currency)
        assert await tour.states_of(answer.body["reservations"]) == ["paying", "paying"]
    assert (await tour.end(payment_id, "failed")).body["status"] == "disputed", "the money is there: nothing is freed"


@pytest.mark.parametrize(
    ("outcome", "status", "seats"), [("completed", "completed", "saaa"), ("failed", "failed", "aaaa")]
)
async def test_a_manager_settles_a_disputed_cart(tour: Tour, outcome: str, status: str, seats: str) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    assert (await settle(tour.front, payment_id, outcome)).code == "payment_in_progress", "nothing is disputed yet"
    await charge_at_gateway(tour.front, payment_id, 1)
    await tour.end(payment_id, "complete")
    for _ in range(2):
        answer = await settle(tour.front, payment_id, outcome)
        assert (answer.status, answer.body["status"]) == (200, status)
    assert [await tour.statuses(show) for show in (0, 1)] == [seats, seats]
    other = {"completed": "failed", "failed": "completed"}[outcome]
    assert (await settle(tour.front, payment_id, other)).code == "payment_settled"


async def test_the_resolver_disputes_a_charge_that_nobody_called_back_about(tour: Tour, shop: Settings) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    await charge_at_gateway(tour.front, payment_id, 1)
    async with resolving(msgspec.structs.replace(shop, pin_seconds=1)):

        async def disputed() -> bool:
            return await is_disputed(tour.front, payment_id, 1)

        await wait_until(disputed)
    assert await tour.statuses(0) == "haaa"


@pytest.fixture
async def cheap_front(start_api: StartApi, ledger: GatewayLedger) -> AsyncIterator[Front]:
    """An API whose gateway takes 1 USD whatever it is asked for."""
    app = create_gateway_app(ledger.data_file)

    @web.middleware
    async def take_a_dollar(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        if request.path == "/charges":
            assert isinstance(response, web.Response)
            assert isinstance(response.body, bytes)
            view = msgspec.json.decode(response.body, type=ChargeView)
            body = msgspec.json.encode(msgspec.structs.replace(view, amount=100, currency="USD"))
            return web.Response(body=body, content_type="application/json")
        return response

    app.middlewares.append(take_a_dollar)
    async with TestServer(app) as server:
        yield await start_api(gateway_url=str(server.make_url("/")))


async def test_a_reply_of_another_currency_does_not_pay_a_reservation(cheap_front: Front) -> None:
    front = cheap_front
    event = await front.event(5)
    held = await front.held((event["tickets"][0]["id"], 1))
    answer = await front.pay(held)
    assert (answer.status, answer.body["status"]) == (202, "paying")
    payment_id = answer.body["payment"]["id"]
    assert await is_disputed(front, payment_id, 100, "USD")
    assert await front.counts(event["tickets"][0]["id"]) == (4, 1, 0)
    assert (await settle(front, payment_id, "failed")).body["status"] == "failed"
    assert (await front.read(held))["status"] == "cancelled"
    assert await front.counts(event["tickets"][0]["id"]) == (5, 0, 0)


async def test_complete_sells_nothing_that_the_gateway_has_not_taken(
    start_api: StartApi, tour: Tour, ledger: GatewayLedger
) -> None:
    """With tokens on, no sender of a callback plays the customer."""
    payment_id = await tour.book(await tour.take((0, 0)))
    guarded = await start_api(auth="jwt", jwt_secret=SHARED, unsigned_callbacks=True)
    token = mint_token(Settings(jwt_secret=SHARED), Role.SERVICE, "shop", 600)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/v1/payments/{payment_id}/complete"
    assert (await guarded.call("POST", path, headers=headers)).code == "payment_in_progress"
    assert (ledger.kept(), await tour.statuses(0)) == ([], "haaa")
    await charge_at_gateway(tour.front, payment_id, PRICE)
    assert (await guarded.call("POST", path, headers=headers)).body["status"] == "completed"

    async def is_sold() -> bool:
        return await tour.statuses(0) == "saaa"  # of another process, which looks ten times a second

    await wait_until(is_sold, 2, "the seat is sold")


async def test_complete_asks_again_while_the_gateway_is_away(start_api: StartApi, tour: Tour) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    cut_off = await start_api(gateway_url="http://127.0.0.1:1")
    answer = await cut_off.call("POST", f"/v1/payments/{payment_id}/complete")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert (await tour.end(payment_id, "complete")).body["status"] == "completed"


async def test_with_authentication_off_who_calls_back_plays_the_customer(tour: Tour, ledger: GatewayLedger) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    assert (await tour.end(payment_id, "complete")).body["status"] == "completed"
    assert ledger.kept() == [OWED]


async def refund(front: Front, reservation_id: str) -> Answer:
    return await front.call("POST", f"/v1/reservations/{reservation_id}/refund", {"restock": True})


async def test_a_refund_that_was_made_elsewhere_counts_as_made(front: Front, ledger: GatewayLedger) -> None:
    event = await front.event(5)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    await refund_at_gateway(front, paid["payment"]["id"], 2500)
    answer = await refund(front, paid["id"])
    assert (answer.status, answer.body["status"]) == (200, "refunded")
    assert ledger.refunds() == {"made on the page": 2500}, "nothing went back twice"


async def test_a_cart_that_was_refunded_elsewhere_is_refunded_part_by_part(tour: Tour, ledger: GatewayLedger) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    one, other = (await tour.end(payment_id, "complete")).body["reservations"]
    await refund_at_gateway(tour.front, payment_id, PRICE)
    assert (await refund(tour.front, one)).body["status"] == "refunded", "there is still so much"
    assert (await refund(tour.front, other)).body["status"] == "refunded", "this is what went back elsewhere"
    assert ledger.refunds() == {"made on the page": PRICE, one: PRICE}


async def test_disputed_payments_wait_for_a_manager(front: Front, shop: Settings) -> None:
    event = await front.event(5)
    paid = await front.paid((event["tickets"][0]["id"], 1))
    payment_id = paid["payment"]["id"]
    await refund_at_gateway(front, payment_id, 1000)
    answer = await refund(front, paid["id"])
    assert (answer.status, answer.body["status"]) == (202, "refund_due")
    assert await is_disputed(front, payment_id, 1500)
    assert (await settle(front, payment_id, "failed")).status == 200
    async with resolving(shop):

        async def asked_again() -> bool:
            return await is_disputed(front, payment_id, 1500)

        await wait_until(asked_again)
    assert (await settle(front, payment_id, "completed")).status == 200
    assert (await front.read(paid))["status"] == "refunded"
    (made,) = (await payment_of(front, payment_id))["refunds"]
    assert (made["id"], made["amount"], made["status"]) == (paid["id"], 2500, "completed")


async def test_money_that_was_refunded_elsewhere_before_its_callback_buys_nothing(tour: Tour) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    await charge_at_gateway(tour.front, payment_id, PRICE)
    await refund_at_gateway(tour.front, payment_id, PRICE)
    assert (await tour.end(payment_id, "complete")).body["status"] == "disputed"
    assert await is_disputed(tour.front, payment_id, 0)
