"""The addresses of Redis: one server, or some nodes of a cluster."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Address(NamedTuple):
    """The host and the port of a node."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def urls_of(redis_url: str) -> list[str]:
    """A URL for each address of `ONSALE_REDIS_URL`. Commas separate them; only the first must be a whole URL.

    The others may be `host:port`. They then have the scheme, the user and the options of the first.
    """
    first, *others = [part for part in redis_url.split(",") if part]
    return [first, *(other if "://" in other else _with_netloc(first, other) for other in others)]


def url_at(url: str, address: Address) -> str:
    """The URL of another node of the same cluster: the same user, options and scheme."""
    return _with_netloc(url, str(address))


def _with_netloc(url: str, netloc: str) -> str:
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{at}{netloc}").geturl()


def address_of(url: str) -> Address:
    """The host and the port of a URL."""
    parts = urlsplit(url)
    return Address(parts.hostname or "127.0.0.1", parts.port or 6379)
