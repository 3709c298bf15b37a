"""What happens around every request: who asks, its id, its metrics, and problem documents for all that goes wrong."""

import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from itertools import count
from secrets import token_hex
from typing import cast

import msgspec
import structlog
from aiohttp import web
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from api.admission import Admission
from api.compression import compress
from api.cors import Cors
from api.metrics import Metrics
from api.problems import Code, Problem, invalid, too_large
from api.rates import mark_rates, rate_policies
from api.replies import Reply
from api.route import Route
from engine.faults import Fault, OutcomeUnknown
from engine.settings import Settings
from sync.postgres import PostgresAway

log = structlog.get_logger(__name__)

_REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""What structlog.contextvars.bind_contextvars(request_id=...) makes and sets, without the search for it."""

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SLOW_SECONDS = 1.0
_READING = ("GET", "HEAD")

Framed = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Frame:
    """What is around the handlers of an application.

    It is put around each when its route is made, and is no middleware of aiohttp's: those cost every request a look-up
    and two calls, and a hold is not much more than such calls.
    """

    def __init__(self, metrics: Metrics, admission: Admission, settings: Settings) -> None:
        self._metrics, self._admission = metrics, admission
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        self._compress_bytes = settings.compress_bytes
        self._rate_policies = rate_policies(settings)
        self._process, self._numbers = token_hex(6), count(1)

    def around(self, route: Route) -> Framed:
        """The route's handler within the frame."""
        handler, path, takes_a_query = route.handler, route.path, route.query is not None
        observe = self._metrics.observer_of(path)
        admit, cors, compress_bytes = self._admission.of(route), self._cors, self._compress_bytes
        personal = route.roles is not None
        policies = self._rate_policies if route.limited else ""

        async def framed(request: web.Request) -> web.StreamResponse | Reply:
            began = time.perf_counter()
            given = request.headers.get("X-Request-ID")
            request_id = given if given and _ACCEPTED_ID.fullmatch(given) else f"{self._process}-{next(self._numbers)}"
            _REQUEST_ID.set(request_id)
            try:
                if admit is not None:
                    await admit(request)
                if not takes_a_query and "?" in request.raw_path and request.query_string:
                    raise invalid(next(iter(request.query), ""), "this path takes no query parameters")
                response = await handler(request)
            except Exception as error:  # the top: whatever it is, the client gets a problem document
                response = _problem_of(error, request).reply()
            if not (isinstance(response, Reply) and len(response.body) < compress_bytes and response.suits(request)):
                response = await self._in_full(request, response)
            headers = response.headers
            headers["X-Request-ID"] = request_id
            if personal:
                headers["Cache-Control"] = "no-store"
            if policies:
                mark_rates(request, headers, policies)
            if cors is not None:
                cors.mark(request, headers)
            seconds = time.perf_counter() - began
            observe(request.method, response.status, seconds)
            if response.status >= 500 or seconds > _SLOW_SECONDS:
                log.warning(
                    "request", method=request.method, route=path, status=response.status, seconds=round(seconds, 4)
                )
            return response

        return cast("Framed", framed)  # a Reply does what aiohttp asks of an answer

    async def _in_full(self, request: web.Request, response: web.StreamResponse | Reply) -> web.StreamResponse:
        """An answer that is not written in one piece; compressed, if it is large."""
        full = response.in_full() if isinstance(response, Reply) else response
        if isinstance(full, web.Response):
            body = full.body
            if isinstance(body, bytes) and len(body) >= self._compress_bytes:
                await compress(request, full, body)
        return full


async def nothing_here(request: web.Request) -> Reply:
    """Answers what no route does: OPTIONS; 405 where the path is known for other methods, else 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        found, methods = await resource.resolve(request)
        if found is None:
            allowed |= methods
    if allowed:
        allowed.add("OPTIONS")
        methods_text = ", ".join(sorted(allowed))
        if request.method == "OPTIONS":
            return Reply(b"", {"Allow": methods_text}, 204)
        detail = f"This path takes {methods_text}."
        raise Problem(Code.METHOD_NOT_ALLOWED, detail, headers={"Allow": methods_text})
    raise Problem(Code.NOT_FOUND, f"There is nothing at {request.path}; check the path.")


NOWHERE = Route(
    method="*",
    path="/{nothing:.*}",
    handler=nothing_here,
    tag="",
    roles=None,
    answers={},
    query=msgspec.Struct,  # whatever it is: the path is what is wrong
    refusals=(Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED),
)
"""Where every request goes that no other route takes."""


def _problem_of(error: Exception, request: web.Request) -> Problem:
    """The problem of anything that was raised."""
    match error:
        case Problem():
            return error
        case OutcomeUnknown() if request.method in _READING:
            return Problem(Code.UNAVAILABLE, "Redis did not answer in time; try again.")
        case Fault():
            return Problem(Code.UNAVAILABLE, f"{error}.")
        case PostgresAway():
            return Problem(Code.UNAVAILABLE, "The database is away; sales go on, this comes back with it. Try again.")
        case web.HTTPRequestEntityTooLarge():
            return too_large(request.client_max_size)
        case web.HTTPException() if error.status < 500:
            return Problem(Code.INVALID, error.text or error.reason, fields=[])
        case _:
            log.error("request_broke", method=request.method, path=request.path, exc_info=error)
            return Problem(Code.INTERNAL, "This is our fault and is logged; quote the request id when you report it.")
