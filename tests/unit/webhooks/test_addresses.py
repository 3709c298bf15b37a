"""Whoever registers an endpoint must not reach what only we can reach."""

import socket

import pytest

from sync.webhooks.addresses import Addresses

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104  # refused
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_setting(address: str) -> None:
    assert not Addresses("").allows(address, "https")
    assert not Addresses("").allows(address, "http")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called_over_https_alone(address: str) -> None:
    assert Addresses("").allows(address, "https")
    assert not Addresses("").allows(address, "http")


def test_networks_of_the_setting_are_called_over_both() -> None:
    addresses = Addresses("10.0.0.0/8 ::1/128")
    for host in ("10.1.2.3", "::1", "::ffff:10.1.2.3"):
        assert addresses.allows(host, "http")
        assert addresses.allows(host, "https")
    assert not addresses.allows("127.0.0.1", "http")


@pytest.mark.parametrize(
    ("url", "why_not"),
    [
        ("https://shop.example/hooks?a=1", None),
        ("http://shop.example:8080/hooks", None),
        ("https://93.184.216.34/", None),
        ("https://10.1.2.3/", None),
        ("http://10.1.2.3/", None),
        ("https://127.0.0.1/", "ONSALE_WEBHOOK_NETWORKS"),
        ("https://[::1]/", "ONSALE_WEBHOOK_NETWORKS"),
        ("http://8.8.8.8/", "https"),
        ("ftp://shop.example/", "https://"),
        ("shop.example", "https://"),
        ("/hooks", "https://"),
        ("https:///hooks", "host"),
        ("https://user@shop.example/", "user"),
        ("https://user:pass@shop.example/", "user"),
        ("https://shop.example/#top", "fragment"),
        ("https://shop.example:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, why_not: str | None) -> None:
    said = Addresses("10.0.0.0/8").why_not(url)
    assert said is None if why_not is None else why_not in (said or ""), said


def test_no_socket_is_made_for_an_address_that_is_not_allowed() -> None:
    addresses = Addresses("127.0.0.0/8")
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    addresses.socket_factory("http")(info).close()
    with pytest.raises(OSError, match="not allowed"):
        addresses.socket_factory("https")((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))
