"""Which addresses webhooks may be sent to: whoever registers an endpoint must not reach what only we can reach."""

import socket
from collections.abc import Callable
from errno import EACCES
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from yarl import URL

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""What `socket.getaddrinfo` gives."""

_SCHEMES = ("https", "http")
_TRANSLATED = [
    ip_network("64:ff9b::/96"),
    ip_network("64:ff9b:1::/48"),
    ip_network("2002::/16"),
    ip_network("2001::/32"),
]
"""IPv6 that gateways turn into an IPv4 address of the caller's choice."""


class Addresses:
    """The public internet, over HTTPS; and the networks that the settings name, over HTTP too.

    `networks` is text: networks with spaces between. Raises ValueError for what is none.
    """

    def __init__(self, networks: str) -> None:
        self._networks = [ip_network(network) for network in networks.split()]

    def why_not(self, url: str) -> str | None:
        """What is wrong with the URL of an endpoint, for a person; None if it may be tried.

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
        try:
            ip_address(parsed.host)
        except ValueError:
            return None
        if self.allows(parsed.host, parsed.scheme):
            return None
        return "this address is not on the public internet over https, and in no network of ONSALE_WEBHOOK_NETWORKS"

    def allows(self, host: str, scheme: str) -> bool:
        """Whether an address may be connected to."""
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


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or any(address in network for network in _TRANSLATED):
        return False
    return address.is_global
