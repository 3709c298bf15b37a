"""IP addresses and networks, each in one spelling: an address that is written in two ways must not be limited twice."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from engine.settings import listed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST = 45
"""Characters of the longest address there is: eight groups, the last two as IPv4."""

_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")


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
