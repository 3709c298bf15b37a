"""The client's address, for the limits per address and for the audit record."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network

from aiohttp import web

from api.access.ip_addresses import Address, Network, address_of, trusted_networks
from api.app_keys import LIMITS, SETTINGS

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

    Of IPv6 it is two networks, with a space between. One customer has a /64; a customer of a generous provider has a
    /48. `WIDER` (engine/limits.py) is for the wider one.
    """
    if not request.app[SETTINGS].trusted_proxies:
        return _networks_of_peer(request.remote or "")
    address = client_address(request)
    return "" if address is None else _networks_of(address)


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
