"""The page of the simulated gateway, and its callbacks: signed, repeated, and never to another shop."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cli.gateway.app import create_gateway_app
from cli.gateway.payment_page import Shop
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.api.api_client import Front
from tests.support.api.two_event_carts import Tour, open_tour
from tests.support.waiting import wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLBYK"  # noqa: S105  # of this test
BACK = "/shop/orders/1"
_AWAY = 2


class Away:
    """A shop that is away for some callbacks, and then is itself."""

    def __init__(self) -> None:
        self.front: Front | None = None
        self.callbacks: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.callbacks.append(request.path)
        if len(self.callbacks) <= _AWAY or self.front is None:
            return web.Response(status=502)
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith("webhook-")}
        answer = await self.front.client.post(request.path, data=await request.read(), headers=headers)
        return web.Response(status=answer.status)


@pytest.fixture
def away() -> Away:
    return Away()


@pytest.fixture
async def gateway(ledger: GatewayLedger, away: Away) -> AsyncIterator["TestClient[Any, Any]"]:
    """The gateway of the test's API, with a page for the buyers of a shop that is away at first."""
    proxy = web.Application()
    proxy.router.add_route("*", "/{path:.*}", away.answer)
    async with TestServer(proxy) as shop:
        app = create_gateway_app(ledger.data_file, shop=Shop(str(shop.make_url("")), SECRET))
        async with TestClient(TestServer(app)) as client:
            yield client


@pytest.fixture
async def tour(start_api: StartApi, away: Away, gateway: "TestClient[Any, Any]") -> Tour:
    away.front = await start_api(gateway_url=str(gateway.make_url("/")), callback_secrets=SECRET)
    return await open_tour(away.front)


async def choose(gateway: "TestClient[Any, Any]", card: str, **fields: object) -> tuple[int, str]:
    """The status after a choice, and where it leads."""
    form = {"amount": "3000", "currency": "EUR", "back": BACK, "card": card} | {k: str(v) for k, v in fields.items()}
    async with gateway.post("/pay", data=form, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_a_shop_that_was_away_hears_of_the_payment_by_a_signed_callback(
    tour: Tour, away: Away, gateway: "TestClient[Any, Any]", ledger: GatewayLedger
) -> None:
    payment = await tour.book(await tour.take((0, 1)))
    assert (await choose(gateway, "card_error", payment=payment))[0] == 402
    status, where = await choose(gateway, "tok_visa", payment=payment)
    assert (status, where.endswith(BACK)) == (303, True)

    async def is_completed() -> bool:
        return bool((await tour.front.get(f"/v1/payments/{payment}")).body["status"] == "completed")

    await wait_until(is_completed)
    assert away.callbacks == [f"/v1/payments/{payment}/complete"] * (_AWAY + 1)
    assert ledger.kept() == [3000]
    assert await tour.statuses(0) == "asaa"


async def test_a_payment_that_is_given_up_gives_the_places_back(
    tour: Tour, gateway: "TestClient[Any, Any]", ledger: GatewayLedger
) -> None:
    payment = await tour.book(await tour.take((0, 1)))
    assert (await choose(gateway, "cancel", payment=payment))[0] == 303

    async def is_free() -> bool:
        return await tour.statuses(0) == "aaaa"

    await wait_until(is_free)
    assert ledger.kept() == []


async def test_another_amount_than_is_owed_buys_nothing(tour: Tour, gateway: "TestClient[Any, Any]") -> None:
    payment = await tour.book(await tour.take((0, 1)))
    assert (await choose(gateway, "tok_visa", payment=payment, amount=1))[0] == 303

    async def is_disputed() -> bool:
        return bool((await tour.front.get(f"/v1/payments/{payment}")).body["status"] == "disputed")

    await wait_until(is_disputed)
    assert await tour.statuses(0) == "ahaa"


async def test_without_a_payment_the_shop_gets_the_card(gateway: "TestClient[Any, Any]", away: Away) -> None:
    for card, fragment in (("timeout", "#payment_token=timeout"), ("cancel", "")):
        status, where = await choose(gateway, card)
        assert (status, where.endswith(BACK + fragment)) == (303, True)
    await asyncio.sleep(0)
    assert away.callbacks == []


@pytest.mark.parametrize(
    "wrong",
    [{"back": "//elsewhere.example"}, {"back": "https://elsewhere.example"}, {"amount": "-1e"}, {"currency": None}],
)
async def test_invalid_payment_pages_are_refused(gateway: "TestClient[Any, Any]", wrong: dict[str, str | None]) -> None:
    query = {"amount": "3000", "currency": "EUR", "back": BACK} | wrong
    given = {name: value for name, value in query.items() if value is not None}
    assert (await gateway.get("/pay", params=given)).status == 400


async def test_the_page_shows_the_amount_in_the_buyers_language(gateway: "TestClient[Any, Any]") -> None:
    query = {"amount": "3000", "currency": "EUR", "back": f'{BACK}"><script>', "lang": "de"}
    answer = await gateway.get("/pay", params=query)
    text = await answer.text()
    assert "Bezahlen 30,00 EUR" in text
    assert "<script>" not in text
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
