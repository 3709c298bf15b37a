"""Frame of every request: caller, request id, metrics, and problem documents for all errors."""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from itertools import count
from secrets import token_hex
from typing import Protocol, TypeVar, cast

import msgspec
import structlog
from aiohttp import web
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from api.access.callers import CALLER, Caller
from api.access.client_address import client_address
from api.access.rate_limit_headers import RatePolicies, mark_rates
from api.access.request_limiter import Check, RequestLimiter
from api.admission import Admission
from api.auditing import audit_of
from api.http.allowed_hosts import AllowedHosts
from api.http.compression import compress
from api.http.cors import Cors
from api.http.problems import Code, Problem, invalid
from api.http.replies import Reply
from api.http.requests import read_no_body
from api.http.server import METHODS
from api.metrics import Metrics, Observe
from api.request_log import SLOW_SECONDS, Asker, Refused, RequestLog
from api.route import Route
from engine.errors import Fault, OutcomeUnknown
from engine.limits import LimitsInForce
from engine.settings import Settings
from engine.tracing import Tracer, within
from sync.postgres import PostgresAway, RolledBack

log = structlog.get_logger(__name__)

_REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""The variable of structlog.contextvars.bind_contextvars(request_id=...), set without its search."""

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_READING = ("GET", "HEAD")
_REFUSING = frozenset({401, 403, 429})
_SHOWN_CHARACTERS = 200
_ERROR = re.compile(r'error="(\w+)"')

Framed = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = TypeVar("Answer", bound=web.StreamResponse | Reply)


class _Told(msgspec.Struct, frozen=True):
    """The part of a problem document that says why a request was refused."""

    code: str = ""
    detail: str = ""
    limited: str = ""


_TOLD = msgspec.json.Decoder(_Told)


def _told(body: bytes) -> _Told:
    try:
        return _TOLD.decode(body)
    except msgspec.DecodeError:
        return _Told()  # compressed, or of HEAD


def _traced(framed: Framed, tracer: Tracer, name: str) -> Framed:
    """The same, with a span for each request that is traced."""

    async def traced(request: web.Request) -> web.StreamResponse:
        traceparent = request.headers.get("traceparent")
        span = tracer.begin_request(name, traceparent or "") if traceparent or tracer.by_chance() else None
        if span is None:
            return await framed(request)
        with within(span):
            response = await framed(request)
            request_id = response.headers["X-Request-ID"]
            span.attributes |= {"http.response.status_code": response.status, "onsale.request_id": request_id}
            return response

    return traced


Count = Callable[[str, int, str, float], None]
"""Given a method, a status, the id of the request, and when it began by `time.perf_counter`."""


class Finish(Protocol):
    """Gives an answer to a request the headers that all have, and counts it; `began` by `time.perf_counter`."""

    def __call__(self, request: web.Request, response: Answer, request_id: str, began: float) -> Answer:
        """The same answer."""
        ...


class Marks:
    """The headers that all answers of a route have."""

    def __init__(self, policies: RatePolicies | None, cors: Cors | None, *, personal: bool) -> None:
        self._policies, self._cors, self._personal = policies, cors, personal

    def add(self, request: web.Request, headers: MutableMapping[str, str], request_id: str) -> None:
        """Adds them to the headers of an answer."""
        headers["X-Request-ID"] = request_id
        if self._personal:
            headers["Cache-Control"] = "no-store"
        if self._policies is not None:
            mark_rates(request, headers, self._policies.now())
        if self._cors is not None:
            self._cors.mark(request, headers)

    def depend_on(self, request: web.Request) -> tuple[str, str | None]:
        """The rest of what decides about them, beside the id of the request and what the limits have left."""
        origin = request.headers.get("Origin") if self._cors is not None else None
        return self._policies.now() if self._policies is not None else "", origin


class Frame:
    """A wrapper around the handlers of an application.

    It is put around each handler when its route is made. It is no middleware of aiohttp: a middleware costs each
    request a look-up and two calls. A hold is not much more than such calls.
    """

    def __init__(
        self,
        metrics: Metrics,
        admission: Admission,
        settings: Settings,
        limits: LimitsInForce,
        requests: RequestLog | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._metrics, self._admission, self._requests = metrics, admission, requests or RequestLog()
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        self._compress_bytes = settings.compress_bytes
        self._rate_policies = RatePolicies(limits)
        self._limiter, self._hosts = RequestLimiter(settings), AllowedHosts(settings.allowed_hosts)
        self._process, self._numbers = token_hex(6), count(1)

    def around(self, route: Route) -> Framed:
        """The route's handler within the frame."""
        handler, takes_a_query = route.handler, route.query is not None
        admit, compress_bytes, finish = self._admission.of(route), self._compress_bytes, self.finish_of(route)
        audited, check = audit_of(route), self.limit_of(route)
        check_host, refuses_body = None if self._hosts.any else self._hosts.check, route.refuses_body

        async def framed(request: web.Request) -> web.StreamResponse | Reply:
            began = time.perf_counter()
            request_id = self.request_id(request.headers.get("X-Request-ID"))
            _REQUEST_ID.set(request_id)
            try:
                if check_host is not None:
                    check_host(request)
                if admit is not None:
                    await admit(request)
                if check is not None:
                    check(request)
                if not takes_a_query and "?" in request.raw_path and request.query_string:
                    raise invalid(next(iter(request.query), ""), "this path takes no query parameters")
                if refuses_body:
                    await read_no_body(request)
                if audited is None:
                    response = await handler(request)
                else:
                    with audited(request, request_id):
                        response = await handler(request)
            except Exception as error:  # the top: whatever it is, the client gets a problem document
                response = problem_of_error(error, request).reply()
            if not (
                isinstance(response, Reply)
                and (response.coded or len(response.body) < compress_bytes)
                and response.suits(request)
            ):
                response = await self._buffered(request, response)
            return finish(request, response, request_id, began)

        made = cast("Framed", framed)  # a Reply does what aiohttp asks of an answer
        return made if self._tracer is None else _traced(made, self._tracer, f"{route.method} {route.path}")

    def limit_of(self, route: Route) -> Check | None:
        """The limit that this process counts for the route; None if there is none."""
        if route.settles:
            return self._limiter.of_settling()
        return self._limiter.of_reads() if route.reads else None

    def observer_of(self, route: Route) -> Observe:
        """The counter of the route's answers."""
        return self._metrics.observer_of(route.path, route.method)

    def mark_origin(self, request: web.Request, headers: MutableMapping[str, str]) -> None:
        """Adds to the headers of an answer which pages' scripts may read it."""
        if self._cors is not None:
            self._cors.mark(request, headers)

    def request_id(self, given: str | None) -> str:
        """The id that the client gave its request, if that can be one; else a new one."""
        return given if given and _ACCEPTED_ID.fullmatch(given) else f"{self._process}-{next(self._numbers)}"

    def finish_of(self, route: Route) -> Finish:
        """A function that adds the common headers to an answer of the route, and counts it."""
        mark, count, path = self.marks_of(route).add, self.counter_of(route), route.path

        def finish(request: web.Request, response: Answer, request_id: str, began: float) -> Answer:
            mark(request, response.headers, request_id)
            if response.status in _REFUSING:
                self._note_refused(request, response, path, request_id)
            count(request.method, response.status, request_id, began)
            return response

        return finish

    def marks_of(self, route: Route) -> Marks:
        """The headers that all answers of the route have."""
        policies = self._rate_policies if route.limited else None
        return Marks(policies, self._cors, personal=route.roles is not None)

    def counter_of(self, route: Route) -> Count:
        """A function that counts an answer of the route."""
        observe, note, path = self.observer_of(route), self._requests.note, route.path

        def count(method: str, status: int, request_id: str, began: float) -> None:
            seconds = time.perf_counter() - began
            observe(method, status, seconds)
            if seconds > SLOW_SECONDS or status >= 500:
                note(method, path, status, seconds, request_id)

        return count

    def _note_refused(
        self, request: web.Request, response: web.StreamResponse | Reply, path: str, request_id: str
    ) -> None:
        """Counts a request that was refused for who asked, with the reason."""
        body = getattr(response, "body", None)
        told = _told(body if isinstance(body, bytes) else b"")
        found = _ERROR.search(response.headers.get("WWW-Authenticate", ""))
        reason = told.limited or (found[1] if found else told.code)
        self._metrics.refused.labels(path, str(response.status), reason).inc()
        caller: Caller | None = request.get(CALLER)
        asker = Asker(
            str(client_address(request) or ""),
            caller.sub if caller else "",
            told.detail[:_SHOWN_CHARACTERS],
            request_id,
        )
        self._requests.note_refused(Refused(path, response.status, reason), asker)

    async def _buffered(self, request: web.Request, response: web.StreamResponse | Reply) -> web.StreamResponse:
        """An answer that is not written in one piece; compressed, if it is large."""
        full = response.in_full() if isinstance(response, Reply) else response
        if isinstance(full, web.Response) and not (isinstance(response, Reply) and response.coded):
            body = full.body
            if isinstance(body, bytes) and len(body) >= self._compress_bytes:
                await compress(request, full, body)
        return full


async def fallback(request: web.Request) -> Reply:
    """Answers what no route does: OPTIONS; 405 where the path is known for other methods, else 404."""
    if request.method == "OPTIONS" and request.raw_path == "*":  # it asks about the server as a whole (RFC 9110, 9.3.7)
        return Reply(b"", {"Allow": METHODS}, 204)
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


FALLBACK = Route(
    method="*",
    path="/{nothing:.*}",
    handler=fallback,
    tag="",
    roles=None,
    answers={},
    query=msgspec.Struct,  # whatever it is: the path is what is wrong
    refusals=(Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED),
)
"""The route of every request that matches no other route."""


def problem_of_error(error: Exception, request: web.Request) -> Problem:
    """The problem of anything that was raised."""
    match error:
        case Problem():
            return error
        case OutcomeUnknown() if request.method in _READING:
            return Problem(Code.UNAVAILABLE, "Redis did not answer in time; try again.")
        case Fault():
            return Problem(Code.UNAVAILABLE, f"{error}.")
        case RolledBack():
            return Problem(Code.UNAVAILABLE, "Another change of the same things came between; try again.")
        case PostgresAway():
            return Problem(
                Code.UNAVAILABLE, "The database is unavailable, so this request fails; sales go on. Try again later."
            )
        case web.HTTPException() if error.status < 500:
            return Problem(Code.INVALID, error.text or error.reason, fields=[])
        case _:
            log.error("request_broke", method=request.method, path=request.path, exc_info=error)
            return Problem(
                Code.INTERNAL, "This is a fault of the server and is logged; give the request id when you report it."
            )
