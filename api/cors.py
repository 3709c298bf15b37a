"""CORS: which pages' scripts may read our answers. Scripts send tokens, not browsers, so there are no credentials."""

import re
from collections.abc import MutableMapping

from aiohttp import web

from engine.faults import Misconfigured

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?", re.ASCII)
_EXPOSED = (
    "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-ID"
)
_SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
_KEEP_SECONDS = "7200"
"""For how long a browser need not ask again; none keeps it longer."""


class Cors:
    """Marks answers for the origins of a list; `*`: for all. Raises Misconfigured for what is no origin."""

    def __init__(self, origins: str) -> None:
        self._all = origins.split() == ["*"]
        self._origins = frozenset(() if self._all else origins.split())
        for origin in self._origins:
            if not _ORIGIN.fullmatch(origin):
                raise Misconfigured(
                    f"ONSALE_CORS_ORIGINS has {origin!r}; give origins like https://shop.example, "
                    "with spaces between, or *"
                )

    def mark(self, request: web.Request, headers: MutableMapping[str, str]) -> None:
        """Adds to the headers of an answer what the browser must know before it shows it to a script."""
        if not self._all:
            vary(headers, "Origin")
        origin = request.headers.get("Origin")
        if origin is None or not (self._all or origin in self._origins):
            return
        headers["Access-Control-Allow-Origin"] = "*" if self._all else origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers and "Allow" in headers:
            headers["Access-Control-Allow-Methods"] = headers["Allow"]
            headers["Access-Control-Allow-Headers"] = _SENT
            headers["Access-Control-Max-Age"] = _KEEP_SECONDS


def vary(headers: MutableMapping[str, str], name: str) -> None:
    """Tells caches that the answer is another for another value of that header of the request."""
    known = headers.get("Vary")
    if known is None:
        headers["Vary"] = name
    elif name not in known.split(", "):
        headers["Vary"] = f"{known}, {name}"
