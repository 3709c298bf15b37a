"""Limits on speed over HTTP: which routes have them, their headers, and the address that is limited."""

import re
from uuid import uuid4

import pytest
from aiohttp.test_utils import make_mocked_request

from api.access.callers import Role
from api.access.rate_limit_headers import mark_rates, rate_policies, tell_rates
from api.routes import ROUTES
from engine.limits import Limits
from engine.results.holds import SoldOut
from engine.results.limits import RateLimited
from engine.results.result import Allowance
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front
from tests.support.api.expected_access import Sale

LIMITED = {
    ("POST", "/v1/events/{event_id}/waiting-list"),
    ("GET", "/v1/events/{event_id}/codes/{code}/offer"),  # it shows whether a code is right
    ("POST", "/v1/reservations"),
    ("PATCH", "/v1/reservations/{reservation_id}"),
    ("POST", "/v1/orders/carts/{cart_id}"),
    ("POST", "/v1/events/{event_id}/bookings"),
    ("PATCH", "/v1/events/{event_id}/bookings/{booking_id}"),
    ("POST", "/v1/events/{event_id}/queue"),
    ("POST", "/v1/events/{event_id}/queue/enter"),
}
"""The calls that take something."""

THREE = '"customer";q=3;w=180'
_ITEM = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


def left(answer: Answer) -> dict[str, int]:
    """The calls that may still come at once, by the limit."""
    return {who: int(more) for who, more, _ in _ITEM.findall(answer.headers.get("RateLimit", ""))}


def check_refused(answer: Answer, who: str, most_seconds: int) -> None:
    """429, which says when to come again, for people and programs."""
    assert (answer.status, answer.code, answer.body["limited"]) == (429, "rate_limited", who)
    wait = int(answer.headers["Retry-After"])
    assert 0 < wait <= most_seconds
    assert f'"{who}";r=0;t={wait}' in answer.headers["RateLimit"]
    assert f" {wait} s." in answer.body["detail"]


@pytest.fixture
async def sale(start_api: StartApi) -> Sale:
    """An API where a customer may take three things of an event at once, and a further one a minute later."""
    return await open_sale(await start_api(auth="jwt", jwt_secret=SHARED, customer_per_minute=1, customer_burst=3))


def test_only_requests_that_take_places_or_try_codes_are_limited() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.limited} == LIMITED


def test_policies_are_those_of_the_settings() -> None:
    assert rate_policies(Limits.of(Settings())) == ""
    settings = Settings(customer_per_minute=60, address_per_minute=600, cool_down_expiries=5)
    policies = '"customer";q=20;w=20, "address";q=100;w=10, "expiries";q=5;w=600'
    assert rate_policies(Limits.of(settings)) == policies, "a burst of 20 fills up again in 20 s, at 60 a minute"


def test_headers_show_the_remaining_allowance() -> None:
    asked, cooling = make_mocked_request("POST", "/"), make_mocked_request("POST", "/")
    allowances = (Allowance("customer", 19, 1), Allowance("address", 0, 1500))
    tell_rates(asked, SoldOut(7, 0, 0, allowances=allowances))
    tell_rates(cooling, RateLimited("expiries", 90_001, allowances=allowances[:1]))
    headers: list[dict[str, str]] = [{}, {}, {}]
    for request, told in zip((asked, cooling, make_mocked_request("POST", "/")), headers, strict=True):
        mark_rates(request, told, "policies")
    assert headers == [
        {"RateLimit-Policy": "policies", "RateLimit": '"customer";r=19;t=1, "address";r=0;t=2'},
        {"RateLimit-Policy": "policies", "RateLimit": '"expiries";r=0;t=91, "customer";r=19;t=1'},
        {"RateLimit-Policy": "policies"},
    ]


async def test_reservations_and_carts_show_the_remaining_allowance(sale: Sale) -> None:
    async def reserve(quantity: int = 1, customer: str = "owner") -> Answer:
        body = {"items": [{"ticket_id": sale.general, "quantity": quantity}]}
        return await sale.ask(customer, "POST", "/v1/reservations", body)

    async def add() -> Answer:
        return await sale.ask("owner", "POST", f"/v1/orders/carts/{uuid4()}", sale.item())

    held, added, refused = await reserve(), await add(), await reserve(9_999)
    assert [answer.status for answer in (held, added, refused)] == [201, 200, 422]
    for answer, more in ((held, 2), (added, 1)):
        assert (answer.headers["RateLimit-Policy"], left(answer)) == (THREE, {"customer": more})
    assert (refused.headers["RateLimit-Policy"], left(refused)) == (THREE, {}), "it was not held against the limits"
    assert left(await reserve(100)) == {"customer": 0}
    for answer in (await reserve(), await add()):
        check_refused(answer, "customer", 60)
    assert left(await reserve(customer="other")) == {"customer": 2}
    assert "RateLimit" not in (await sale.ask("owner", "GET", f"/v1/reservations/{held.body['id']}")).headers


async def test_bookings_and_their_changes_tell_it_too(sale: Sale) -> None:
    path = f"{sale.timed_path}/bookings"

    async def book(asker: str = "owner") -> Answer:
        return await sale.ask(asker, "POST", path, sale.booking())

    first, second = await book(), await book()
    mine = f"{path}/{first.body['id']}"
    changed = await sale.ask("owner", "PATCH", mine, {"last_name": "Roy"})
    assert [answer.status for answer in (first, second, changed)] == [201, 201, 200]
    assert [left(answer)["customer"] for answer in (first, second, changed)] == [2, 1, 0]
    assert changed.headers["RateLimit-Policy"] == THREE
    for answer in (await book(), await sale.ask("owner", "PATCH", mine, {"last_name": "Ray"})):
        check_refused(answer, "customer", 60)
    assert (await sale.ask("owner", "GET", mine)).body["last_name"] == "Roy"
    assert (await sale.ask("owner", "DELETE", mine)).status == 204, "who gives back is not limited"
    for _ in range(4):
        assert (await book("service")).status == 201, "without a customer only its address could be limited"


async def test_without_limits_there_are_no_headers(front: Front) -> None:
    event = await front.event(5)
    answer = await front.reserve((event["tickets"][0]["id"], 1))
    assert answer.status == 201
    assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers)


async def test_an_address_is_that_which_a_trusted_proxy_tells(start_api: StartApi) -> None:
    limits = {"address_per_minute": 1, "address_burst": 2}
    behind = await start_api(trusted_proxies="127.0.0.0/8", **limits)
    event = await behind.event(50)
    item = (event["tickets"][0]["id"], 1)

    async def reserve(front: Front, forwarded: str) -> Answer:
        return await front.reserve(item, headers={"X-Forwarded-For": forwarded})

    answers = [await reserve(behind, f"192.0.2.{number}, 198.51.100.7") for number in range(3)]
    assert [left(answer) for answer in answers] == [{"address": 1}, {"address": 0}, {"address": 0}]
    assert [answer.status for answer in answers[:2]] == [201, 201]
    check_refused(answers[2], "address", 60)
    assert (await reserve(behind, "198.51.100.8")).status == 201

    open_to_all = await start_api(**limits)
    statuses = [(await reserve(open_to_all, f"192.0.2.{number}")).status for number in range(3)]
    assert statuses == [201, 201, 429], "a client that is no proxy of ours may write anything there"


async def test_invalid_tokens_are_limited_by_address(start_api: StartApi) -> None:
    limits = {"address_per_minute": 1, "address_burst": 3, "trusted_proxies": "127.0.0.0/8"}
    front = await start_api(auth="jwt", jwt_secret=SHARED, **limits)
    sale = await open_sale(front)

    async def read(token: str | None, address: str = "198.51.100.7") -> Answer:
        headers = {"X-Forwarded-For": address} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        return await front.call("GET", "/v1/reservations", headers=headers)

    known, new = sale.tokens["owner"], sale.tokens["other"]
    assert (await read(known)).status == 200
    for _ in range(5):
        assert (await read(None)).status == 401, "who has no token is told so, however often"
    assert [(await read(f"{known}x")).status for _ in range(3)] == [401, 401, 401]
    refused = await read(f"{known}x")
    check_refused(refused, "address", 60)
    assert refused.headers["RateLimit-Policy"] == '"address";q=3;w=180'
    assert (await read(known)).status == 200, "a token that is known is not looked at again"
    check_refused(await read(new), "address", 60)
    assert (await read(f"{known}x", "198.51.100.8")).status == 401
    assert (await read(new, "198.51.100.8")).status == 200
    assert (await read(sale.token(Role.CUSTOMER, "third"), "192.0.2.1")).status == 200


async def test_invalid_tokens_are_not_limited_without_address_limits(sale: Sale) -> None:
    headers = {"Authorization": f"Bearer {sale.tokens['owner']}x"}
    for _ in range(120):
        assert (await sale.front.call("GET", "/v1/reservations", headers=headers)).status == 401
