"""An endpoint must not be an address that only we can reach."""

import socket

import pytest

from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.sender import Due, Sender

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104  # refused
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
    # What some networks use at home, and Python's ipaddress takes for the public internet in one version or another.
    "192.0.0.192", "192.0.0.170", "192.88.99.1", "198.18.0.1", "240.0.0.1", "0.1.2.3", "192.31.196.1",
    "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "::ffff:192.0.0.192", "fec0::1", "3fff::1",
    "3fff:fff::1", "5f00::1", "100::1", "2001:db8::1", "2001:2::1", "2001:20::1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "64:ff9b::808:808",
    "2002:7f00:1::", "2002:808:808::", "2001:0:808:808::", "fe80::1%eth0", "1fff::1", "4000::1",
    "3ffe::1", "2620:4f:8000::1",
]  # fmt: skip
PUBLIC = [
    "93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "2001:4860:4860::8888", "2a00:1450::1",
    "192.0.1.1", "198.20.0.1", "223.255.255.255", "3fff:1000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_setting(address: str) -> None:
    assert not AllowedAddresses("").allows(address, "https")
    assert not AllowedAddresses("").allows(address, "http")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called_over_https_alone(address: str) -> None:
    assert AllowedAddresses("").allows(address, "https")
    assert not AllowedAddresses("").allows(address, "http")


def test_networks_of_the_setting_are_called_over_both() -> None:
    addresses = AllowedAddresses("10.0.0.0/8 ::1/128")
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
def test_errors_of_a_url_are_named(url: str, why_not: str | None) -> None:
    said = AllowedAddresses("10.0.0.0/8").why_not(url)
    assert said is None if why_not is None else why_not in (said or ""), said


def test_no_socket_is_made_for_an_address_that_is_not_allowed() -> None:
    addresses = AllowedAddresses("127.0.0.0/8")
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    addresses.socket_factory("http")(info).close()
    with pytest.raises(OSError, match="not allowed"):
        addresses.socket_factory("https")((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.example/", True),
        ("https://HOOKS.example.:443/", True),
        ("https://hooks.example:8443/", True),
        ("https://a.shop.example/", True),
        ("https://a.b.shop.example/", True),
        ("https://b\u00fccher.example/", True),
        ("https://xn--bcher-kva.example/", True),
        ("https://shop.example/", False),
        ("https://evilshop.example/", False),
        ("https://hooks.example.evil.example/", False),
        ("https://93.184.216.34/", False),
        ("https://hooks.example:25/", False),
        ("https://hooks.example:80/", False),
    ],
)
def test_only_hosts_and_ports_of_the_settings_where_there_are_any(url: str, allowed: bool) -> None:
    addresses = AllowedAddresses("", "hooks.example, *.shop.example b\u00fccher.example", "443 8443")
    assert (addresses.why_not(url) is None) is allowed, addresses.why_not(url)


@pytest.mark.parametrize(
    ("hosts", "ports"),
    [("https://a.example", ""), ("*.", ""), ("*", ""), ("", "65536"), ("", "0"), ("", "-1"), ("", "x")],
)
def test_invalid_hosts_and_ports_are_refused(hosts: str, ports: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        AllowedAddresses("", hosts, ports)


async def test_an_endpoint_that_the_settings_no_longer_allow_gets_no_message() -> None:
    due = Due(1, 1, "msg_1", "{}", 0, "https://hooks.example:25/", "whsec_" + "A" * 32, None)
    async with Sender(AllowedAddresses("", "hooks.example", "443"), 5) as sender:
        attempt = await sender.send(due)
    assert attempt.status is None
    assert "ONSALE_WEBHOOK_PORTS" in attempt.error
