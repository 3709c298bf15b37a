"""Problem documents for requests that aiohttp answers itself, before any handler.

A request whose head or chunks cannot be read never becomes a request. aiohttp answers it, in plain text, by a method of
its protocol. There is no setting for that, so the application makes its own servers, with a protocol of ours.
"""

import asyncio
import sys
import warnings
from collections.abc import Callable
from functools import cache
from secrets import token_hex
from typing import Any, cast

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from aiohttp.http_parser import RawRequestMessage

from api.app_keys import SETTINGS
from api.http.problems import Code, Problem, WrongField
from api.http.requests import check_length

log = structlog.get_logger(__name__)

_REFUSAL_SECONDS = 5.0
"""A connection beyond the limit is closed after so long if it asks nothing."""

_WRITE_SECONDS = 30
_SLOWEST_BYTES_PER_SECOND = 65_536
"""The slowest that a client may read an answer that does not fit into its connection's buffers."""

METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""The methods that some path takes."""


class Connection(web.RequestHandler):
    """A connection. One whose client does not read is dropped, with what it was to be sent."""

    __slots__ = ("_unread", "_write_seconds", "remote")

    def __init__(self, manager: web.Server, **how: Any) -> None:
        super().__init__(manager, **how)
        self._write_seconds: int = getattr(manager, "write_seconds", _WRITE_SECONDS)
        self._unread: asyncio.TimerHandle | None = None
        self.remote: str | None = None
        """The address of the other end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who is connected."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.remote = str(peer[0]) if isinstance(peer, tuple) else peer

    def pause_writing(self) -> None:
        """Give the client a while to read, the longer the more there is: much of it is in memory until then."""
        super().pause_writing()
        transport = self.transport
        if transport is not None:
            seconds = self._write_seconds + transport.get_write_buffer_size() / _SLOWEST_BYTES_PER_SECOND
            self._unread = self._loop.call_later(seconds, transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._forget_deadline()
        super().resume_writing()

    def force_close(self) -> None:
        """Close; a transport waits for its client to read what is left, so only for a while."""
        transport = self.transport
        super().force_close()
        if transport is not None and transport.get_write_buffer_size():
            self._forget_deadline()
            self._unread = self._loop.call_later(self._write_seconds, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the deadline."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _forget_deadline(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def data_received(self, data: bytes) -> None:
        """Notifies the handler that reads a body if the rest of it cannot be read. Otherwise it would wait in vain."""
        super().data_received(data)
        request = self._current_request
        if request is not None and self._messages and self._messages[-1][1].is_eof() and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("the rest of the body cannot be read"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what cannot be read; the connection is closed after it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun, so it cannot become another one")
        request_id = token_hex(8)
        problem = exc if isinstance(exc, Problem) else _problem_of(status, exc)
        if problem.status == 500:
            log.error("connection_broke", request_id=request_id, exc_info=exc)
        else:
            log.debug("request_cannot_be_read", request_id=request_id, message=message)
        reply = problem.reply()
        reply.headers["X-Request-ID"] = request_id
        reply.headers["Connection"] = "close"
        return reply.in_full()


def _problem_of(status: int, error: BaseException | None) -> Problem:
    if status == 500:
        return Problem(
            Code.INTERNAL, "This is a fault of the server and is logged; give the request id when you report it."
        )
    if status == 504:
        return Problem(Code.UNAVAILABLE, "This took too long; try again.")
    if isinstance(error, BadHttpMethod):
        detail = f"Unknown method; the server supports {METHODS}. This port speaks HTTP without TLS."
        return Problem(Code.METHOD_NOT_ALLOWED, detail, headers={"Allow": METHODS})
    if isinstance(error, LineTooLong):
        return Problem(Code.MALFORMED_JSON, "The path or a header is too long; shorten it.")
    return Problem(Code.MALFORMED_JSON, "The request is not valid HTTP: check the headers and the chunks.")


class Everything(web.PlainResource):
    """A resource of every target, also of `*`, which is no path: aiohttp would answer that itself, in plain text."""

    def __init__(self) -> None:
        super().__init__("/")

    def _match(self, path: str) -> dict[str, str] | None:
        return {}

    def raw_match(self, path: str) -> bool:
        """False: no route is added to it by a path."""
        return False


MakeConnection = Callable[..., Connection]
"""Takes what Connection takes."""

CONNECTION: web.AppKey[MakeConnection] = web.AppKey("connection")
"""Makes the connections of the application, instead of Connection."""


class _Refusal(asyncio.Protocol):
    """A connection beyond the limit: every request is answered with a 503, and the connection is closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request: an answer that is sent before it may be lost with the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._limit = asyncio.get_running_loop().call_later(_REFUSAL_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Answer, however much of the request has come."""
        self._limit.cancel()
        if not self._transport.is_closing():
            self._transport.write(_refusal())
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the limit."""
        self._limit.cancel()


@cache
def _refusal() -> bytes:
    """The whole answer to a connection beyond the limit."""
    problem = Problem(Code.UNAVAILABLE, "This server has as many connections as it can serve; connect again later.")
    reply = problem.reply()
    headers = reply.headers | {"Content-Length": str(len(reply.body)), "Connection": "close", "Server": "onsale"}
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + reply.body


class _Server(web.Server):
    """Makes the connections of an application, at most `most` at once."""

    connection: MakeConnection = Connection
    most: int = sys.maxsize
    write_seconds: int = _WRITE_SECONDS

    def __call__(self) -> Any:
        if len(self._connections) >= self.most:
            return _Refusal()
        return self.connection(self, loop=self._loop, **self._kwargs)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp discourages it, and offers no other way

    class Application(web.Application):
        """An application whose every answer is ours."""

        def _make_request(self, message: RawRequestMessage, *rest: Any, **more: Any) -> web.Request:
            url = message.url
            if url.absolute and url.raw_path == "/":
                # An address without a path, as of CONNECT, means "/". aiohttp looks for no route then.
                message = message._replace(url=url.with_path("/", keep_query=True))
            return super()._make_request(message, *rest, **more)

        def _make_handler(self, **options: Any) -> web.Server:
            made = super()._make_handler(**options)
            server = _Server(
                made.request_handler,
                request_factory=made.request_factory,
                handler_cancellation=made.handler_cancellation,
                loop=made._loop,
                **made._kwargs,
            )
            server.connection = self.get(CONNECTION, Connection)
            server.most = self[SETTINGS].max_connections
            server.write_seconds = self[SETTINGS].write_seconds
            return server


async def expect(request: web.Request) -> None:
    """Answers `Expect: 100-continue`, before the body is sent. Raises Problem: invalid (417), too_large."""
    if request.version < HttpVersion11:
        return
    expected = request.headers.get("Expect", "")
    if expected.lower() != "100-continue":
        detail = f"Expect: {expected!r} is not supported; leave the header out."
        raise Problem(Code.INVALID, detail, status=417, fields=[WrongField("Expect", "Expected 100-continue")])
    check_length(request, request.app[SETTINGS].max_manifest_bytes)  # of other bodies, where they are read
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun
