"""Public pages without aiohttp's request, task and writer: from the bytes of a request to the bytes of its answer.

A client that looks again sends the same bytes again. So the same bytes are parsed once, and the answer is made once,
for as long as the page stays. A request that is in any way unusual, and a page that must be read again, take the
ordinary path. A test sends requests on both paths and compares each byte.
"""

import re
import time
from collections.abc import Iterable
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
_UNUSUAL = ("Authorization", "X-Request-ID", "Expect", "Upgrade", "Content-Length", "Transfer-Encoding")
_ID = "\x00"
"""Stands for the request id where that will be; no header has it."""


class PageSource(Protocol):
    """Pages of one kind, which many clients read."""

    def name_of(self, request: web.Request) -> str:
        """The name of what a request asks for."""
        ...

    def current(self, name: str) -> CachedPage | None:
        """The page of that name, if it may be shown now."""
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

    __slots__ = ("_after_id", "_before_id", "_body", "_page", "_second", "name", "path", "request", "status")

    def __init__(self, path: _Path, request: DirectRequest) -> None:
        self.path, self.request = path, request
        self.name = path.source.name_of(cast("web.Request", request))
        self._page: CachedPage | None = None
        self._second = self.status = 0
        self._before_id = self._after_id = self._body = b""

    def is_ready(self) -> bool:
        """True if the page can be shown now; what is written is made if need be."""
        path = self.path
        page, second = path.source.current(self.name), int(time.time())
        if page is None:
            return False
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
        """The answer to a request with the same bytes as an earlier one; None: it must be parsed."""
        asked = self._known.get(data)
        return None if asked is None else self._answer(connection, asked)

    def take(self, connection: DirectConnection, message: RawRequestMessage, data: bytes) -> list[bytes] | None:
        """The answer to a request that came alone, and for the first time; None: it takes the ordinary way."""
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
        answer = self._answer(connection, asked)
        if answer is not None:
            if len(self._known) >= _MOST_REQUESTS:
                del self._known[next(iter(self._known))]
            self._known[data] = asked
        return answer

    def _answer(self, connection: DirectConnection, asked: _Asked) -> list[bytes] | None:
        began, path = time.perf_counter(), asked.path
        if not connection.is_writable() or not asked.is_ready():
            return None
        if path.check is not None:
            request = DirectRequest(self._app, connection, "GET", asked.request.raw_path, asked.request.headers)
            try:
                path.check(cast("web.Request", request))
            except Problem:
                return None  # the ordinary way says so
        answer = asked.written(self._new_id(None))
        path.observe("GET", asked.status, time.perf_counter() - began)
        return answer
