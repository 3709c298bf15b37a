"""The client's address, for the limits per address and for the audit record.

An address has one spelling here, whichever way it came: what is written differently must not be limited again.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from api.app_keys import LIMITS, SETTINGS
from engine.settings import listed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST = 45
"""Characters of the longest address there is: eight groups, the last two as IPv4."""

_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NARROW_BITS, _WIDE_BITS = 64, 48


def client_address(request: web.Request) -> Address | None:
    """The client's address; None where a request comes by no network (a Unix socket).

    Behind proxies it is the last one of `X-Forwarded-For` that no trusted proxy has: what stands before it, anybody may
    have written. Where that is no address, exactly as addresses are written and without a port, it is the peer's. IPv4
    that is mapped (`::ffff:`) or translated (NAT64) is IPv4.
    """
    peer = _peer_of(request.remote or "")
    proxies = request.app[SETTINGS].trusted_proxies
    if not proxies or peer is None:
        return peer
    trusted = trusted_networks(proxies)
    told = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in told.split(",") if part.strip()]
    client: Address | None = peer
    while forwarded and client is not None and _is_of(client, trusted):
        client = address_of(forwarded.pop())
    return peer if client is None else client


def limited_address(request: web.Request) -> str:
    """The address that is limited as one; empty without limits per address, or without an address."""
    return networks(request) if request.app[LIMITS].current.by_address else ""


def networks(request: web.Request) -> str:
    """The address that counts as one; empty without an address.

    Of IPv6 it is two networks, with a space between: that of /64, which is what one customer has, and that of /48,
    which is what a customer of a generous provider has. `WIDER` (engine/limits.py) is for the wider one.
    """
    if not request.app[SETTINGS].trusted_proxies:
        return _networks_of_peer(request.remote or "")
    address = client_address(request)
    return "" if address is None else _networks_of(address)


def address_of(text: str) -> Address | None:
    """The address that a text is, in one form; None for anything else, be it an address with a port or a scope."""
    return None if len(text) > _LONGEST or "%" in text else _parsed(text)


@lru_cache(maxsize=4)
def trusted_networks(text: str) -> tuple[Network, ...]:
    """Networks, with spaces or commas between. Raises ValueError for what is none."""
    return tuple(_in_one_form(ip_network(part)) for part in listed(text))


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _in_one_form(network: Network) -> Network:
    """IPv4 for a network of mapped addresses, because that is what addresses become."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - _MAPPED.prefixlen))
    return network


@lru_cache(maxsize=1000)
def _is_of(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _peer_of(remote: str) -> Address | None:
    return address_of(remote.partition("%")[0])  # a link-local one comes with its interface


@lru_cache(maxsize=10_000)
def _networks_of_peer(remote: str) -> str:
    """The networks of who is connected; a text costs less to look up than an address."""
    peer = _peer_of(remote)
    return "" if peer is None else _networks_of(peer)


@lru_cache(maxsize=10_000)
def _networks_of(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return " ".join(str(IPv6Network((address, bits), strict=False)) for bits in (_NARROW_BITS, _WIDE_BITS))
