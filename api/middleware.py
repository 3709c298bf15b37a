"""What happens around every request: its id, its metrics, and problem documents for all that goes wrong."""

import re
import time
from collections.abc import Container
from contextvars import ContextVar
from itertools import count
from secrets import token_hex

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from api.keys import METRICS
from api.problems import Code, Problem, invalid
from engine.faults import Fault
from sync.postgres import PostgresAway

log = structlog.get_logger(__name__)

_REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""What structlog.contextvars.bind_contextvars(request_id=...) makes and sets, without the search for it."""

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SLOW_SECONDS = 1.0
_UNROUTED = "unrouted"


def frame(take_a_query: Container[Handler]) -> Middleware:
    """The outermost middleware. One function, because every layer around a hold costs throughput.

    A query is refused unless the route's handler is one of `take_a_query`.
    """
    process, numbers = token_hex(6), count(1)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        given = request.headers.get("X-Request-ID")
        request_id = given if given and _ACCEPTED_ID.fullmatch(given) else f"{process}-{next(numbers)}"
        _REQUEST_ID.set(request_id)
        try:
            if request.rel_url.raw_query_string and request.match_info.handler not in take_a_query:
                _refuse_query(request)
            response = await handler(request)
        except Exception as error:  # the top: whatever it is, the client gets a problem document
            response = _problem_of(error, request).response()
        response.headers["X-Request-ID"] = request_id
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else _UNROUTED
        seconds = time.perf_counter() - began
        request.app[METRICS].observe_request(request.method, route, response.status, seconds)
        if response.status >= 500 or seconds > _SLOW_SECONDS:
            log.warning(
                "request", method=request.method, route=route, status=response.status, seconds=round(seconds, 4)
            )
        return response

    return middleware


def _refuse_query(request: web.Request) -> None:
    """Raises Problem invalid, unless the path or the method is wrong in the first place."""
    if request.match_info.http_exception is None:
        raise invalid(next(iter(request.query), ""), "this path takes no query parameters")


def _problem_of(error: Exception, request: web.Request) -> Problem:
    """The problem of anything that was raised."""
    match error:
        case Problem():
            return error
        case Fault():
            return Problem(Code.UNAVAILABLE, f"{error}.")
        case PostgresAway():
            return Problem(Code.UNAVAILABLE, "The database is away; sales go on, this comes back with it. Try again.")
        case web.HTTPRequestEntityTooLarge():
            problem = Problem(Code.TOO_LARGE, f"The body may have {request.client_max_size} bytes; send less.")
            problem.headers["Connection"] = "close"
            return problem
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem(Code.METHOD_NOT_ALLOWED, f"This path takes {allowed}.", headers={"Allow": allowed})
        case web.HTTPNotFound():
            return Problem(Code.NOT_FOUND, f"There is nothing at {request.path}; check the path.")
        case web.HTTPException() if error.status < 500:
            return Problem(Code.INVALID, error.text or error.reason, fields=[])
        case _:
            log.error("request_broke", method=request.method, path=request.path, exc_info=error)
            return Problem(Code.INTERNAL, "This is our fault and is logged; quote the request id when you report it.")
