"""The names by which the server may be asked.

While authentication is off, every client may do everything. A page of another site must not. If its name is made to
lead to 127.0.0.1 (DNS rebinding), a browser takes the server for that site. The Host header has the site's name.
"""

from functools import lru_cache

from aiohttp import hdrs, web

from api.http.problems import Code, Problem, WrongField
from engine.settings import listed

LOOPBACK_NAMES = "localhost 127.0.0.1 [::1]"
"""The names of this machine for itself."""


class AllowedHosts:
    """Names without ports, with spaces or commas between; none: any name."""

    def __init__(self, names: str) -> None:
        self._names = frozenset(name.lower() for name in listed(names))
        self.any = not self._names

    def allows(self, host: str | None) -> bool:
        """True for a Host header with one of the names."""
        return self.any or (host is not None and _name_of(host) in self._names)

    def check(self, request: web.Request) -> None:
        """Raises Problem invalid (421) for a request by another name."""
        if not self.allows(request.headers.get(hdrs.HOST)):
            names = ", ".join(sorted(self._names))
            detail = f"This server is asked as {names} only; use one of those names, or set ONSALE_ALLOWED_HOSTS."
            raise Problem(Code.INVALID, detail, status=421, fields=[WrongField("Host", "not a name of this server")])


@lru_cache(maxsize=100)
def _name_of(host: str) -> str:
    """The name of a Host header, without its port."""
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdecimal() else host).lower()
