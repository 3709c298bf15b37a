"""What handlers answer, and how that is written."""

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.http import SERVER_SOFTWARE

_JSON = "application/json"
_ENCODER = msgspec.json.Encoder()
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Reply:
    """A body, a status and headers, all of which are the reply's own. It is written in one piece, its head as one text.

    aiohttp's Response can answer anybody anything: its dictionary of headers and the calls that fill, look through and
    write it take a quarter of all that a bare handler takes. This does for the clients that `suits` tells of; `in_full`
    is the same answer as aiohttp's Response, for all others. aiohttp asks an answer for no more than stands below it.
    """

    __slots__ = ("body", "headers", "status")

    keep_alive = True

    def __init__(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.body, self.headers, self.status = body, headers, status

    @staticmethod
    def suits(request: web.Request) -> bool:
        """Whether the client speaks HTTP/1.1, wants the body, and goes on with the connection."""
        return request.version == HttpVersion11 and request.keep_alive and request.method != "HEAD"

    def in_full(self) -> web.Response:
        """The same answer, as aiohttp makes it."""
        return web.Response(body=self.body, status=self.status, headers=self.headers)

    async def prepare(self, request: web.Request) -> None:
        """Writes it all. Raises ConnectionError if the client is gone, ValueError for a header of several lines."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        if lines.count("\n") + lines.count("\r") != 2 * len(self.headers):
            raise ValueError("a header has a line break in it")
        length = "" if self.status in _WITHOUT_BODY else f"Content-Length: {len(self.body)}\r\n"
        date = _date(int(time.time()))
        head = f"{_STATUS_LINES[self.status]}{lines}{length}Date: {date}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
        await request.writer.write_eof(head.encode() + self.body)

    async def write_eof(self) -> None:
        """There is nothing left to write."""


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def json_reply(data: msgspec.Struct, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """JSON, and what headers it has besides."""
    return Reply(_ENCODER.encode(data), {"Content-Type": _JSON, **(headers or {})}, status)


def no_content() -> Reply:
    """204."""
    return Reply(b"", {}, HTTPStatus.NO_CONTENT)


class CachedJson:
    """JSON that caches may show for `max_age` seconds before they ask again; made once, for however many ask.

    The ETag is that of `tag_of`, where not everything in `data` matters, else of all of it.
    """

    def __init__(self, data: msgspec.Struct, *, max_age: int, tag_of: Any = None) -> None:
        self._body = _ENCODER.encode(data)
        self._opaque = _opaque_tag(self._body if tag_of is None else _ENCODER.encode(tag_of))
        self._headers = _cache_headers(self._opaque, max_age)

    def reply(self, request: web.Request) -> Reply:
        """The JSON; 304 if the client has it."""
        return _reply(request, self._opaque, self._headers.copy(), lambda: self._body)


def cached_reply(request: web.Request, data: msgspec.Struct, *, max_age: int) -> Reply:
    """CachedJson that is made for this request."""
    return CachedJson(data, max_age=max_age).reply(request)


def tagged_reply(request: web.Request, tag: bytes, body: Callable[[], bytes], *, max_age: int) -> Reply:
    """As cached_reply, with JSON that is made only for who does not have it; where `tag` is the same, so is it."""
    opaque = _opaque_tag(tag)
    return _reply(request, opaque, _cache_headers(opaque, max_age), body)


def _opaque_tag(tag: bytes) -> str:
    return f'"{blake2b(tag, digest_size=12).hexdigest()}"'


def _cache_headers(opaque: str, max_age: int) -> dict[str, str]:
    """The ETag is a weak one: what it stands for may be compressed, or tell another instant."""
    kept = f"public, max-age={max_age}" if max_age else "public, no-cache"
    return {"ETag": f"W/{opaque}", "Cache-Control": kept, "Vary": "Accept-Encoding"}


def _reply(request: web.Request, opaque: str, headers: dict[str, str], body: Callable[[], bytes]) -> Reply:
    known = request.headers.get("If-None-Match")
    if known and (known == "*" or opaque in (tag.strip().removeprefix("W/") for tag in known.split(","))):
        return Reply(b"", headers, HTTPStatus.NOT_MODIFIED)
    headers["Content-Type"] = _JSON
    return Reply(body(), headers)
