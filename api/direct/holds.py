"""New holds without aiohttp's request, task and writer: from the parsed message to the engine, and back to the socket.

A request that is in any way unusual takes the ordinary way, through aiohttp, and nothing was done to it before. What
is decided and answered is the same on both ways, because the same functions do it: `prepare_hold`, `hold_reply` and the
frame's `finish`. A test sends thousands of requests on both and compares each byte.

If there is no room for a hold, its connection is not read until there is room, for at most `direct_wait_ms`. Then the
hold is refused, and the connection is not read for a second, unless there is room. Otherwise clients that retry at
once would take the time of those that can be served.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy

from api.access.callers import CALLER, Caller
from api.access.rate_limit_headers import rate_limit
from api.admission import Known
from api.auditing import is_logged
from api.catalogue.cache import CatalogueCache
from api.direct.connection import DirectConnection
from api.direct.held_heads import HeldHeads
from api.direct.hold_gate import REST_SECONDS, HoldGate
from api.direct.request import DirectRequest
from api.direct.usual_head import read_usual
from api.engine_problems import problem_of
from api.frame import Finish, Frame, problem_of_error
from api.http.json_keys import check_keys
from api.http.replies import Reply
from api.idempotency import event_name_of_key
from api.route import Route
from api.sales.held_texts import HELD_TEXTS
from api.sales.reservations import NEW_RESERVATION, NewReservation, PreparedHold, hold_reply, prepare_hold
from engine.engine import Engine
from engine.errors import Fault, Overloaded
from engine.partition import Partition
from engine.results.holds import Held
from engine.results.reservations import KeyReused
from engine.settings import Settings
from engine.tracing import Span, Tracer
from engine.words import EventStatus

log = structlog.get_logger(__name__)

_PATHS = frozenset({"/v1/reservations", "/v1/reservations/"})
_BEGIN = b"POST /v1/reservations"
_JSON = "application/json"
_UNUSUAL = ("Expect", "Content-Encoding", "Transfer-Encoding", "Upgrade")
_KEY = "Idempotency-Key"
_USUAL = frozenset(
    {"Host", "Content-Type", "Content-Length", "Authorization", "Accept", "User-Agent", "X-Request-ID", _KEY}
)
"""All headers that most requests have: a look at each of them costs less than one for each unusual header."""

_LOOK_SECONDS = 0.002
_DRAFT, _CREATED = EventStatus.DRAFT, HTTPStatus.CREATED.value
"""To look a member of an enum up takes as long as to call a function."""

_PARSED_TO_BE_REFUSED = (b"x-request-id:", b"origin:", b"connection:", b"expect:", b"transfer-encoding:")
"""Headers that change an answer, or where it ends."""

_NO_HEADERS: "CIMultiDictProxy[str]" = CIMultiDictProxy(CIMultiDict())


class _Posted:
    """The attributes of a request that an error's problem depends on."""

    method = "POST"


class DirectHolds:
    """Takes new holds of one application."""

    def __init__(
        self,
        app: web.Application,
        route: Route,
        frame: Frame,
        known: Known,
        catalogue: CatalogueCache,
        engine: Engine,
        tracer: Tracer | None = None,
    ) -> None:
        settings: Settings = engine.settings
        self._make_hold: Callable[..., DirectHold] = DirectHold if tracer is None else _holds_of(tracer)
        self._app: Mapping[Any, Any] = dict(app)  # all that is asked of it is there by now
        self._frame, self._known = frame, known
        self._catalogue, self._engine = catalogue, engine
        self._key_events = engine.key_events
        self._finish: Finish = frame.finish_of(route)
        self._texts, self._heads, self._count = (
            app[HELD_TEXTS],
            HeldHeads(frame.marks_of(route)),
            frame.counter_of(route),
        )
        self._max_bytes = settings.max_body_bytes
        self._wait = settings.direct_wait_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Partition, deque[DirectHold]] = {}
        self._looking: asyncio.TimerHandle | None = None
        self.gate = HoldGate(self._partition_of_ticket, self._has_room, self._wait)
        full = Overloaded("the queue is full; nothing was done; try again later")
        self._refusal: Reply = problem_of_error(full, cast("web.Request", _Posted())).reply()

    def _partition_of_ticket(self, ticket_id: int) -> Partition | None:
        event = self._catalogue.event_by_ticket.get(ticket_id)
        return None if event is None else self._engine.partition_of(event.event_id)

    def _has_room(self, partition: Partition) -> bool:
        """True if a hold can be taken up now, with a key or without."""
        return partition.has_room() and (self._key_events is None or self._key_events.has_room())

    def early_refusal(self, connection: DirectConnection, data: bytes) -> bytes | None:
        """The answer to a hold that found no room, which was not parsed; None for one that is not quite as usual."""
        head, _, body = data.partition(b"\r\n\r\n")
        lower = head.lower()
        length = lower.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        if length != b"%d" % len(body) or any(name in lower for name in _PARSED_TO_BE_REFUSED):
            return None
        request = DirectRequest(self._app, connection, "POST", "/v1/reservations", _NO_HEADERS)
        refused = Reply(self._refusal.body, dict(self._refusal.headers), self._refusal.status)
        return self._finish(cast("web.Request", request), refused, self._frame.request_id(None), request.began).wire()

    def take(self, connection: DirectConnection, message: RawRequestMessage, payload: Any) -> bool:
        """True if the request is handled here. If not, nothing was done."""
        headers = message.headers
        if (
            message.path not in _PATHS
            or message.method != "POST"
            or message.version != HttpVersion11
            or message.should_close
            or message.chunked
            or payload is EMPTY_PAYLOAD
            or not payload.is_eof()
            or payload.exception() is not None
            or headers.get("Content-Type") != _JSON
            or (not _USUAL.issuperset(headers) and any(name in headers for name in _UNUSUAL))
        ):
            return False
        return self._take_up(connection, message.path, headers, b"".join(payload._buffer))

    def take_usual(self, connection: DirectConnection, data: bytes) -> bool | None:
        """True if the request in the data is handled here; None if it must be parsed to find that out."""
        if not data.startswith(_BEGIN):
            return None
        usual = read_usual(data)
        if usual is None:
            return None
        path, headers, raw = usual
        return headers.get("Content-Type") == _JSON and self._take_up(connection, path, headers, raw)

    def _take_up(self, connection: DirectConnection, path: str, headers: "CIMultiDictProxy[str]", raw: bytes) -> bool:
        """The same for a request that has no unusual header."""
        if not 0 < len(raw) <= self._max_bytes:
            return False
        request: Any = DirectRequest(self._app, connection, "POST", path, headers)
        caller = self._known(request)
        if caller is None:
            return False
        prepared = self._prepare(request, caller, raw)
        if prepared is None:
            return False
        request.request_id = self._frame.request_id(headers.get("X-Request-ID"))
        hold = self._make_hold(self, connection, request, prepared)
        if self._key_events is not None and _KEY in headers:
            hold.key = event_name_of_key(request, "reservations", headers[_KEY])
        connection.begin(hold)
        self.go_on(self._engine.partition_of(prepared.event.event_id), hold)
        return True

    def go_on(self, partition: Partition, hold: "DirectHold") -> None:
        """Submits a hold, or lets it wait for room."""
        if partition in self._waiting or not self._submit(partition, hold):
            self._let_wait(partition, hold)

    def _prepare(self, request: Any, caller: Caller, raw: bytes) -> PreparedHold | None:
        """None for whatever is wrong with it, or not known: the ordinary way finds out, and says so."""
        try:
            body: NewReservation = NEW_RESERVATION.decode(raw)
            check_keys(raw)
            first, *others = body.items
            event = self._catalogue.event_by_ticket[first.ticket_id]
            if others and any(item.ticket_id not in event.ticket_by_id for item in others):
                return None
            seating = self._catalogue.known_seating(event)
            if event.status is _DRAFT or (event.venue_id is not None and seating is None):
                return None
            if is_logged(caller) or body.overrides:
                return None  # the ordinary way logs what others do for customers
            request[CALLER] = caller
            return prepare_hold(request, caller, body, event, seating)
        except Exception:  # whatever it is: nothing was done
            return None

    def _submit(self, partition: Partition, hold: "DirectHold") -> bool:
        """False if there is no room, and nothing was done."""
        try:
            if self._key_events is not None and hold.key and not hold.key_is_free:
                if not self._has_room(partition):
                    return False
                event_id = hold.prepared.event.event_id
                self._key_events.ask(hold.key, event_id, _FreeKey(self, partition, hold))
            else:
                partition.append(hold.prepared.command, hold)
        except Overloaded:
            return False
        except Fault as error:
            hold.set_exception(error)
        return True

    def _let_wait(self, partition: Partition, hold: "DirectHold") -> None:
        hold.until = self._loop.time() + self._wait
        hold.connection.pause()
        self._waiting.setdefault(partition, deque()).append(hold)
        self.gate.is_full_behind = True
        if self._looking is None:
            self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Serves who waited longest, as far as there is room; refuses who waited too long."""
        now = self._loop.time()
        for partition, waiting in list(self._waiting.items()):
            while waiting and (waiting[0].done() or waiting[0].until <= now or self._has_room(partition)):
                hold = waiting.popleft()
                if hold.done():
                    continue
                if self._has_room(partition) and self._submit(partition, hold):
                    hold.connection.read_on()
                else:
                    hold.connection.read_on_later(partition, REST_SECONDS)
                    hold.set_exception(Overloaded("the queue is full; nothing was done; try again later"))
            if not waiting:
                del self._waiting[partition]
        self._looking = self._loop.call_later(_LOOK_SECONDS, self._look) if self._waiting else None
        self.gate.is_full_behind = bool(self._waiting)

    def answer(self, hold: "DirectHold", result: Any) -> bytes:
        """The answer to a result, as it is written."""
        request: Any = hold.request
        try:
            if self._key_events is not None and hold.key and isinstance(result, Held):
                self._key_events.keep(hold.key)
            usual = self._usual_answer(request, hold.prepared, result) if type(result) is Held else None
            if usual is not None:
                return usual
            reply = hold_reply(request, hold.prepared, result)
        except Exception as error:  # as in the frame
            reply = problem_of_error(error, request).reply()
        return self._finish(request, reply, request.request_id, request.began).wire()

    def _usual_answer(self, request: DirectRequest, prepared: PreparedHold, result: Held) -> bytes | None:
        """The answer to a new hold of one ticket; None for others."""
        reservation_id = prepared.command.reservation_id
        body = self._texts.body(reservation_id, result.record, prepared.event, prepared.seating)
        if body is None or result.replayed:
            return None
        told = rate_limit(*result.allowances) if result.allowances else ""
        head = self._heads.head(request, reservation_id, told, len(body))
        self._count("POST", _CREATED, request.request_id, request.began)
        return head + body

    def refusal(self, hold: "DirectHold", error: Exception) -> Reply:
        """The answer if there is no result."""
        request: Any = hold.request
        return self._finish(request, problem_of_error(error, request).reply(), request.request_id, request.began)


class DirectHold:
    """A hold under way; to the engine it is what is given the result, as a future would be."""

    __slots__ = ("_direct", "connection", "key", "key_is_free", "prepared", "request", "until")

    def __init__(
        self, direct: DirectHolds, connection: DirectConnection, request: DirectRequest, prepared: PreparedHold
    ) -> None:
        self._direct, self.connection, self.request, self.prepared = direct, connection, request, prepared
        self.until = 0.0
        self.key = ""
        """The name under which a cluster knows the event of its Idempotency-Key; empty if it has none."""

        self.key_is_free = False
        """The key is of no other event."""

    def done(self) -> bool:
        """True if nobody waits for it any more: the client is gone."""
        return self.connection.hold is not self

    def set_result(self, result: Any, /) -> None:
        """Answers the client. Never raises: the engine has others to tell."""
        try:
            self.connection.end(self._direct.answer(self, result))
        except Exception:
            log.exception("direct_hold_broke")
            self.connection.force_close()

    def set_exception(self, error: Exception, /) -> None:
        """Answers the client that it has failed."""
        try:
            self.connection.end(self._direct.refusal(self, error).wire())
        except Exception:
            log.exception("direct_hold_broke")
            self.connection.force_close()


class _FreeKey:
    """Holds once it is known that the key is of no other event (an engine.lanes.Answer)."""

    __slots__ = ("_direct", "_hold", "_partition")

    def __init__(self, direct: DirectHolds, partition: Partition, hold: DirectHold) -> None:
        self._direct, self._partition, self._hold = direct, partition, hold

    def done(self) -> bool:
        """True if nobody waits for the hold any more."""
        return self._hold.done()

    def set_result(self, event_id: int, /) -> None:
        """Goes on with the hold, or refuses it. Never raises."""
        if event_id != self._hold.prepared.event.event_id:
            self._hold.set_exception(problem_of(KeyReused()))
            return
        self._hold.key_is_free = True
        self._direct.go_on(self._partition, self._hold)

    def set_exception(self, error: Exception, /) -> None:
        """Answers the client that it has failed."""
        self._hold.set_exception(error)


class TracedHold(DirectHold):
    """A hold with a span."""

    __slots__ = ("span",)

    def __init__(
        self,
        span: Span,
        direct: DirectHolds,
        connection: DirectConnection,
        request: DirectRequest,
        prepared: PreparedHold,
    ) -> None:
        super().__init__(direct, connection, request, prepared)
        self.span = span

    def set_result(self, result: Any, /) -> None:
        """See DirectHold."""
        super().set_result(result)
        self._end(type(result).__name__)

    def set_exception(self, error: Exception, /) -> None:
        """See DirectHold."""
        super().set_exception(error)
        self._end(type(error).__name__)

    def _end(self, outcome: str) -> None:
        self.span.attributes |= {"onsale.outcome": outcome, "onsale.request_id": self.request.request_id}
        self.span.end()


def _holds_of(tracer: Tracer) -> Callable[..., DirectHold]:
    """Makes holds with a span if they are traced; else those of where tracing is off."""
    begin, by_chance = tracer.begin_request, tracer.by_chance

    def make(
        direct: DirectHolds, connection: DirectConnection, request: DirectRequest, prepared: PreparedHold
    ) -> DirectHold:
        if "traceparent" in request.headers:
            span = begin("POST /v1/reservations", request.headers["traceparent"])
        elif by_chance():
            span = begin("POST /v1/reservations")
        else:
            span = None
        if span is None:
            return DirectHold(direct, connection, request, prepared)
        return TracedHold(span, direct, connection, request, prepared)

    return make
