"""Whose address a request is limited by."""

from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application
from msgspec.structs import replace

from api.access.client_address import limited_address
from api.access.ip_addresses import address_of, trusted_networks
from api.app_keys import LIMITS, SETTINGS
from engine.limits import LimitsInForce
from engine.settings import Settings


def app_with(settings: Settings) -> Application:
    app = Application()
    app[SETTINGS], app[LIMITS] = settings, LimitsInForce(settings)
    return app


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # not a proxy of ours: anybody may write a header
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),  # what stands before is the client's own invention
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64 2001:db8:1::/48"),
        ("10.0.0.1", ["2001:DB8:0001:2::6"], "2001:db8:1:2::/64 2001:db8:1::/48"),
        ("fe80::1%eth0", [], "fe80::/64 fe80::/48"),
        ("", [], ""),  # a Unix socket
        # One client, however it is written: all of IPv4 that comes by a socket of both is mapped, and has one /64.
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        ("::ffff:c000:201", [], "192.0.2.1"),
        ("64:ff9b::192.0.2.1", [], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, ::ffff:10.0.0.2"], "198.51.100.7"),
    ],
)
def test_address(remote: str, forwarded: list[str], address: str) -> None:
    app = app_with(replace(Settings(), address_per_minute=60, trusted_proxies="10.0.0.0/8"))
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request = make_mocked_request("POST", "/", headers, app=app).clone(remote=remote)
    assert limited_address(request) == address


NO_ADDRESSES = [
    "1.1.1.1:4711", "[::1]:5", "[2001:db8::1]", "1.1.1.01", "unknown5", "nonsense", "_hidden", "1.1.1", "16843009",
    "0x1.1.1.1", "1.1.1.1/32", "fe80::1%a", "2001:db8::1%25a", "\u0661.1.1.1", "1" * 8000, "::ffff:1.1.1.01",
]  # fmt: skip


@pytest.mark.parametrize("invented", NO_ADDRESSES)
def test_invalid_addresses_count_as_the_peer(invented: str) -> None:
    """Else each spelling would be somebody new, whom nothing limits."""
    assert address_of(invented) is None
    app = app_with(replace(Settings(), address_per_minute=60, trusted_proxies="10.0.0.0/8"))
    for forwarded in (invented, f"198.51.100.7, {invented}", f"{invented}, 10.0.0.2"):
        request = make_mocked_request("POST", "/", {"X-Forwarded-For": forwarded}, app=app).clone(remote="10.0.0.1")
        assert limited_address(request) == "10.0.0.1"


def test_networks_of_mapped_addresses_are_those_of_ipv4() -> None:
    assert trusted_networks("::ffff:10.0.0.0/104 fd00::/8") == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_nobody_is_looked_at_where_addresses_are_not_limited() -> None:
    app = app_with(Settings())
    assert limited_address(make_mocked_request("POST", "/", app=app).clone(remote="192.0.2.1")) == ""
