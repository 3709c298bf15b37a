"""Limits that a process counts for itself, by the rates of the settings."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from api.access.callers import CALLER, Caller, Role
from api.access.request_limiter import Check, RequestLimiter
from api.app_keys import SETTINGS
from api.http.problems import Problem
from engine.settings import Settings


def request_of(settings: Settings, address: str, caller: Caller | None = None) -> Any:
    app: Any = {SETTINGS: settings}
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": address}, app=app)
    request._transport_peername = ("10.0.0.1", 1)
    if caller is not None:
        request[CALLER] = caller
    return request


def answers(check: Check | None, requests: list[Any]) -> list[int]:
    statuses = []
    assert check is not None
    for request in requests:
        try:
            check(request)
        except Problem as problem:
            statuses.append(problem.status if int(problem.headers["Retry-After"]) > 0 else 0)
        else:
            statuses.append(200)
    return statuses


@pytest.fixture
def settings() -> Settings:
    return Settings(
        trusted_proxies="10.0.0.0/8", reads_per_minute=1, reads_burst=3, customer_per_minute=1, customer_burst=2,
        address_per_minute=1, address_burst=4,
    )  # fmt: skip


def test_an_address_reads_so_much_and_no_more(settings: Settings) -> None:
    check = RequestLimiter(settings).of_reads()
    assert answers(check, [request_of(settings, "192.0.2.1")] * 5) == [200, 200, 200, 429, 429]
    assert answers(check, [request_of(settings, "192.0.2.2")]) == [200], "another address"


def test_a_customer_pays_no_faster_than_it_may_hold(settings: Settings) -> None:
    check, one, other = RequestLimiter(settings).of_settling(), Caller(Role.CUSTOMER, "1"), Caller(Role.CUSTOMER, "2")
    first = [request_of(settings, f"192.0.2.{number}", one) for number in range(4)]
    assert answers(check, first) == [200, 200, 429, 429], "from whatever address"
    assert answers(check, [request_of(settings, "192.0.2.9", other)]) == [200]
    service = Caller(Role.SERVICE, "shop")
    assert answers(check, [request_of(settings, "192.0.2.9", service)] * 9) == [200] * 9


def test_many_customers_of_one_address_are_limited_together(settings: Settings) -> None:
    check = RequestLimiter(settings).of_settling()
    crowd = [request_of(settings, "192.0.2.1", Caller(Role.CUSTOMER, str(number))) for number in range(6)]
    assert answers(check, crowd) == [200] * 4 + [429] * 2


def test_nothing_is_counted_where_nothing_is_limited() -> None:
    limiter = RequestLimiter(Settings())
    assert (limiter.of_reads(), limiter.of_settling()) == (None, None)
