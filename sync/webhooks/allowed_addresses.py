"""Addresses to which webhooks may be sent: an endpoint must not be an address that only we can reach.

The public internet is a list of our own. That of Python's `ipaddress` changes with its version, and lets through what
some networks use at home: 192.0.0.192 (metadata of a cloud), ::127.0.0.1, fec0::/10, 3fff::/20.
"""

import socket
from collections.abc import Callable
from errno import EACCES
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Self

from yarl import URL

from engine.settings import Settings, listed

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""One entry of `socket.getaddrinfo`."""

_SCHEMES = ("https", "http")

_IPV4_SPECIAL = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host, this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # of providers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and the metadata of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # relays of multicast
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
"""IANA IPv4 Special-Purpose Address Registry, and multicast: no public web server is in any of them."""

_IPV6_GLOBAL = IPv6Network("2000::/3")
"""All that IANA gives out as global unicast. Anything else is special: mapped, translated, unique local, site-local."""

_IPV6_SPECIAL = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: gateways make an IPv4 address of it, of the caller's choice
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)
"""IANA IPv6 Special-Purpose Address Registry, what is within 2000::/3 of it."""


class AllowedAddresses:
    """The public internet, over HTTPS; and the networks that the settings name, over HTTP too.

    `networks`, `hosts` and `ports` are texts with spaces or commas between. Where hosts are given, a URL must name one
    of them; `*.shop.example` is every name below that one. Where ports are given, it must have one of them.

    Raises ValueError for what is none.
    """

    def __init__(self, networks: str, hosts: str = "", ports: str = "") -> None:
        self._networks = [ip_network(network) for network in listed(networks)]
        self._hosts = frozenset(_host(host) for host in listed(hosts))
        self._ports = frozenset(_port(port) for port in listed(ports))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The addresses of the settings. Raises ValueError."""
        return cls(settings.webhook_networks, settings.webhook_hosts, settings.webhook_ports)

    def why_not(self, url: str) -> str | None:
        """The reason why an endpoint's URL is refused, for a person; None if it may be tried.

        A host that is a name is looked up when it is called, each time, and checked then (`socket_factory`).
        """
        try:
            parsed = URL(url)
            parsed.raw_host  # noqa: B018  # raises for a host that cannot be
        except ValueError as error:
            return f"not a URL: {error}"
        if parsed.scheme not in _SCHEMES or not parsed.host:
            return "must begin with https:// (or http:// in a network of ONSALE_WEBHOOK_NETWORKS) and name a host"
        if parsed.user is not None or parsed.password is not None or parsed.fragment:
            return "must have no user, password or fragment"
        if self._hosts and not self._names(parsed.raw_host or ""):
            return "must name a host of ONSALE_WEBHOOK_HOSTS"
        if self._ports and parsed.port not in self._ports:
            return "must have a port of ONSALE_WEBHOOK_PORTS"
        try:
            ip_address(parsed.host)
        except ValueError:
            return None
        if self.allows(parsed.host, parsed.scheme):
            return None
        return "this address is not on the public internet over https, and in no network of ONSALE_WEBHOOK_NETWORKS"

    def allows(self, host: str, scheme: str) -> bool:
        """True if connections to the address are allowed."""
        address = ip_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._networks):
            return True
        return scheme == "https" and _is_public(address)

    def socket_factory(self, scheme: str) -> Callable[[AddressInfo], socket.socket]:
        """Makes the sockets of a connector (aiohttp): the last place before a connection, after names are looked up.

        What it makes raises OSError for an address that is not allowed.
        """

        def make(info: AddressInfo) -> socket.socket:
            family, kind, protocol, _, address = info
            if not self.allows(address[0], scheme):
                raise OSError(EACCES, f"{address[0]} over {scheme} is not allowed, see ONSALE_WEBHOOK_NETWORKS")
            return socket.socket(family, kind, protocol)

        return make

    def _names(self, host: str) -> bool:
        """True if the host is one of the settings' hosts, or below one."""
        name = host.lower().rstrip(".")
        above = name.split(".")[1:]
        wildcards = (f"*.{'.'.join(above[first:])}" for first in range(len(above)))
        return name in self._hosts or any(wildcard in self._hosts for wildcard in wildcards)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _IPV4_SPECIAL)
    return address in _IPV6_GLOBAL and not any(address in network for network in _IPV6_SPECIAL)


def _host(text: str) -> str:
    """A name as URLs have it, so that both are compared in one spelling."""
    wildcard, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        host = URL.build(scheme="https", host=name).raw_host
    except ValueError as error:
        raise ValueError(f"{text!r} is no name of a host: {error}") from error
    if not host or "*" in host:
        raise ValueError(f"{text!r} is no name of a host")
    return wildcard + host.lower().rstrip(".")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_535):
        raise ValueError(f"{text!r} is no port")
    return int(text)
