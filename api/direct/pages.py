"""Public pages without aiohttp's request, task and writer: from the bytes of a request to the bytes of its answer.

A client that looks again sends the same bytes again. So the same bytes are parsed once, and the answer is made once,
for as long as the page stays. A request that is in any way unusual, and a page that must be read again, take the
ordinary path. A test sends requests on both paths and compares each byte.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, cast

from aiohttp import HttpVersion11, web
from aiohttp.http import RawRequestMessage

from api.admission import Admission
from api.direct.connection import DirectConnection
from api.direct.request import DirectRequest
from api.frame import Frame
from api.http.cached_pages import CachedPage
from api.http.problems import Problem
from api.http.replies import APART_BYTES, Reply
from api.route import Route

_MOST_REQUESTS = 10_000
_LONGEST_REQUEST = 4096
_SHOWN_AT_ONCE = 64
_REST_SECONDS = 1.0
"""After a renewal that failed, a page is read in the ordinary way for so long."""

_UNUSUAL = ("Authorization", "X-Request-ID", "Expect", "Upgrade", "Content-Length", "Transfer-Encoding")
_ID = "\x00"
"""Stands for the request id where that will be; no header has it."""


class PageSource(Protocol):
    """Pages of one kind, which many clients read."""

    def name_of(self, request: web.Request) -> str:
        """The name of what a request asks for."""
        ...

    def current(self, name: str, *, waiting: int = 0) -> CachedPage | None:
        """The page of that name, if it may be shown now. `waiting`: that many wait until it is renewed."""
        ...

    def may_renew(self, name: str) -> bool:
        """True if the page of that name need not be read in the ordinary way when it may not be shown."""
        ...

    async def renew(self, request: web.Request) -> CachedPage | None:
        """The page as it is now, or later than now, so that it can be shown; None: read it in the ordinary way."""
        ...

    def show(self, request: web.Request, page: CachedPage) -> Reply | None:
        """The answer to a request; None: it is not available at once."""
        ...


class _Path:
    """A route, and what its answers have in common."""

    def __init__(self, route: Route, source: PageSource, frame: Frame, admission: Admission) -> None:
        if route.roles is not None or route.limited:
            raise ValueError(f"{route.path} is not for everybody")
        self.pattern = re.compile(re.sub(r"{\w+}", "[^/?]+", route.path) + r"/?(\?.*)?")
        self.source, self.lets_in, self.mark = source, admission.readers_of(route), frame.mark_origin
        self.check, self.observe = frame.limit_of(route), frame.observer_of(route)


class _Asked:
    """The request that certain bytes are, and its last answer."""

    __slots__ = (
        *("_after_id", "_before_id", "_body", "_page", "_second"),
        *("name", "path", "renewable_at", "renewal", "request", "status", "waiting"),
    )

    def __init__(self, path: _Path, request: DirectRequest) -> None:
        self.path, self.request = path, request
        self.name = path.source.name_of(cast("web.Request", request))
        self._page: CachedPage | None = None
        self._second = self.status = 0
        self._before_id = self._after_id = self._body = b""
        self.waiting: list[tuple[DirectConnection, bytes, float]] = []
        self.renewal: asyncio.Task[None] | None = None
        self.renewable_at = 0.0

    def is_ready(self) -> bool:
        """True if the page can be shown now; what is written is made if need be."""
        page = self.path.source.current(self.name, waiting=len(self.waiting))
        return page is not None and self.can_show(page)

    def can_show(self, page: CachedPage) -> bool:
        """True if this page can be shown at once; what is written is made if need be."""
        path, second = self.path, int(time.time())
        if page is self._page and second == self._second:
            return True
        request = cast("web.Request", self.request)
        reply = path.source.show(request, page)
        if reply is None:
            return False
        reply.headers["X-Request-ID"] = _ID
        path.mark(request, reply.headers)
        self._before_id, self._after_id = reply.head().split(_ID.encode())
        self._page, self._second, self._body, self.status = page, second, reply.body, reply.status
        return True

    def may_be_renewed(self) -> bool:
        """True if the page is known, and its last renewal did not just fail."""
        return time.monotonic() >= self.renewable_at and self.path.source.may_renew(self.name)

    def written(self, request_id: str) -> list[bytes]:
        """The answer as it is written."""
        head = b"%b%b%b" % (self._before_id, request_id.encode(), self._after_id)
        return [head + self._body] if len(self._body) < APART_BYTES else [head, self._body]


class DirectPages:
    """Answers requests for pages of an application, by the route."""

    def __init__(
        self, app: web.Application, frame: Frame, admission: Admission, sources: Iterable[tuple[Route, PageSource]]
    ) -> None:
        self._app, self._new_id = app, frame.request_id
        self._paths = [_Path(route, source, frame, admission) for route, source in sources]
        self._known: dict[bytes, _Asked] = {}

    def knows(self, data: bytes) -> bool:
        """True for a request that came before, to the byte."""
        return data in self._known

    def answer(self, connection: DirectConnection, data: bytes) -> list[bytes] | None:
        """The answer to a request with the same bytes as an earlier one; None: it must be parsed.

        Nothing: the page must be renewed first. One renewal is for all who wait, and costs each of them little.
        """
        asked, began = self._known.get(data), time.perf_counter()
        if asked is None or not connection.is_writable():
            return None
        is_ready = asked.is_ready()
        if not (is_ready or asked.may_be_renewed()) or not self._is_let_in(connection, asked):
            return None
        if is_ready:
            return self._written(asked, began)
        asked.waiting.append((connection, data, began))
        if asked.renewal is None:
            asked.renewal = asyncio.create_task(self._renew(asked), name="renewal")
        return []

    async def _renew(self, asked: _Asked) -> None:
        """Answers all who wait for a page, until nobody does."""
        try:
            while asked.waiting:
                waiting, asked.waiting = asked.waiting, []
                page = None
                with suppress(Exception):  # the ordinary way tells each what is wrong
                    page = await asked.path.source.renew(cast("web.Request", asked.request))
                if page is None:
                    asked.renewable_at = time.monotonic() + _REST_SECONDS
                for first in range(0, len(waiting), _SHOWN_AT_ONCE):
                    can_show = page is not None and asked.can_show(page)
                    for connection, data, began in waiting[first : first + _SHOWN_AT_ONCE]:
                        connection.show_late(data, self._written(asked, began) if can_show else None)
                    await asyncio.sleep(0)  # others' turn
        finally:
            asked.renewal = None

    def take(self, connection: DirectConnection, message: RawRequestMessage, data: bytes) -> list[bytes] | None:
        """The answer to a request that came alone, and for the first time; None: it takes the ordinary way."""
        began = time.perf_counter()
        if (
            message.method != "GET"
            or message.version != HttpVersion11
            or message.should_close
            or message.upgrade
            or len(data) > _LONGEST_REQUEST
            or any(name in message.headers for name in _UNUSUAL)
        ):
            return None
        path = next((path for path in self._paths if path.pattern.fullmatch(message.path)), None)
        request = DirectRequest(self._app, connection, "GET", message.path, message.headers)
        if path is None or not path.lets_in(cast("web.Request", request)):
            return None
        asked = _Asked(path, request)
        if not connection.is_writable() or not asked.is_ready() or not self._is_let_in(connection, asked):
            return None
        if len(self._known) >= _MOST_REQUESTS:
            del self._known[next(iter(self._known))]
        self._known[data] = asked
        return self._written(asked, began)

    def _is_let_in(self, connection: DirectConnection, asked: _Asked) -> bool:
        """True if the limit of reads, if there is one, counts the request; if not, the ordinary way says so."""
        if asked.path.check is None:
            return True
        request = DirectRequest(self._app, connection, "GET", asked.request.raw_path, asked.request.headers)
        try:
            asked.path.check(cast("web.Request", request))
        except Problem:
            return False
        return True

    def _written(self, asked: _Asked, began: float) -> list[bytes]:
        asked.path.observe("GET", asked.status, time.perf_counter() - began)
        return asked.written(self._new_id(None))
