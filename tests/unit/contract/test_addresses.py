"""Whose address a request is limited by."""

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application
from msgspec.structs import replace

from api.addresses import limited_address
from api.keys import SETTINGS
from engine.settings import Settings


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # not a proxy of ours: anybody may write a header
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),  # what stands before is the client's own invention
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["nonsense"], "nonsense"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
    ],
)
def test_address(remote: str, forwarded: list[str], address: str) -> None:
    app = Application()
    app[SETTINGS] = replace(Settings(), address_per_minute=60, trusted_proxies="10.0.0.0/8")
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request = make_mocked_request("POST", "/", headers, app=app).clone(remote=remote)
    assert limited_address(request) == (address or "")


def test_nobody_is_looked_at_where_addresses_are_not_limited() -> None:
    app = Application()
    app[SETTINGS] = Settings()
    assert limited_address(make_mocked_request("POST", "/", app=app).clone(remote="192.0.2.1")) == ""
