"""CORS: which pages' scripts may read our answers. Scripts send tokens, not browsers, so there are no credentials."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from engine.errors import Misconfigured
from engine.settings import listed

if TYPE_CHECKING:
    from aiohttp import web

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?", re.ASCII)
_EXPOSED = (
    "Date, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, "
    "X-Request-ID"
)
_SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent, tracestate, X-Request-ID"
_KEEP_SECONDS = "7200"
"""The time for which a browser need not ask again; no browser keeps the answer longer."""


class Cors:
    """Marks answers for the origins of a list; `*`: for all. Raises Misconfigured for what is no origin."""

    def __init__(self, origins: str) -> None:
        self._all = listed(origins) == ["*"]
        self._origins = frozenset(() if self._all else listed(origins))
        for origin in self._origins:
            if not _ORIGIN.fullmatch(origin):
                raise Misconfigured(
                    f"ONSALE_CORS_ORIGINS has {origin!r}; give origins like https://shop.example, "
                    "separated by spaces or commas, or *"
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
    """Tells caches that the answer depends on that header of the request."""
    known = headers.get("Vary")
    if known is None:
        headers["Vary"] = name
    elif name not in known.split(", "):
        headers["Vary"] = f"{known}, {name}"
