"""Where a request comes from, for the limits per address."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web

from api.keys import SETTINGS


def limited_address(request: web.Request) -> str:
    """The client's address, empty where addresses are not limited.

    Behind proxies it is the last one of `X-Forwarded-For` that no trusted proxy has: what stands before it, anybody may
    have written. An IPv6 address is its network of /64, which is what one customer has.
    """
    settings = request.app[SETTINGS]
    if not settings.address_per_minute:
        return ""
    address = request.remote or ""
    if not settings.trusted_proxies:
        return _network_of(address)
    trusted = trusted_networks(settings.trusted_proxies)
    told = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in told.split(",") if part.strip()]
    while forwarded and _is_of(address, trusted):
        address = forwarded.pop()
    return _network_of(address)


@lru_cache(maxsize=4)
def trusted_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks, separated by commas. Raises ValueError for what is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


@lru_cache(maxsize=1000)
def _is_of(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False


@lru_cache(maxsize=10_000)
def _network_of(address: str) -> str:
    """What is limited as one; what is no address is limited as it stands, cut to a bearable length."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else str(known)
