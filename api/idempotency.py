"""Idempotency-Key: the same key with the same body has its effect once, and the same answer.

A key of POST /v1/reservations names the reservation, so a repeat finds that. What other requests were answered is kept
(engine/idempotency.py): of reservations and carts not the whole body, but what it is rendered from, without names.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated
from weakref import WeakValueDictionary

import msgspec
from aiohttp import web
from aiojobs.aiohttp import shield
from msgspec import Meta

from api.access.callers import caller_of
from api.access.rate_limit_headers import seconds
from api.app_keys import ENGINE
from api.engine_problems import problem_of
from api.http.problems import Code, Problem, invalid
from api.http.replies import Reply
from api.http.requests import single_header
from engine.errors import Fault
from engine.idempotency import IdempotencyStore, KeyName, StoredResponse, TooManyKeys
from engine.ids import keyed_name, request_digest
from engine.key_events import key_of_event
from engine.results.reservations import KeyReused
from sync.creations import ONCE, Creation

REPLAYED = {"Idempotency-Replayed": "true"}
"""Goes with an answer whose effect an earlier request had."""

_VISIBLE = r"[!-~]{1,255}"

KeyText = Annotated[str, Meta(pattern=f"^{_VISIBLE}$")]
"""The format of an idempotency key."""

_KEY = re.compile(_VISIBLE, re.ASCII)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_LOOK_SECONDS = 0.02
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")
"""Headers of an answer that a repeat gets too."""


class KeyTurns:
    """Lets requests with the same key act one after the other, in this process.

    Only one of them asks Redis about the work of another process. A thousand waiters would ask 50,000 times a second,
    and every payment would wait behind them.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, name: str, patience_seconds: float) -> AsyncIterator[None]:
        """The turn of a request with the key of that name. Raises Problem unavailable if it does not come in time."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        try:
            async with asyncio.timeout(patience_seconds):
                await lock.acquire()
        except TimeoutError as error:
            raise _under_way() from error
        try:
            yield
        finally:
            lock.release()


KEY_TURNS: web.AppKey[KeyTurns] = web.AppKey("key_turns")


def idempotency_key(request: web.Request) -> str | None:
    """The request's key. Raises Problem invalid for two, or one that is not 1..255 visible ASCII characters."""
    key = single_header(request, "Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return key


def body_digest(body: msgspec.Struct) -> str:
    """A digest of what a body says; the same for the same values, however they were written."""
    return request_digest(_ENCODER.encode(body).decode())


class Rendered(Reply):
    """The data from which a repeat of a reply is rendered, in place of a copy of its body. It has no names in it.

    `changed`: false if the request changed nothing, so that a repeat may be judged again.
    """

    __slots__ = ("changed", "source")

    def __init__(self, reply: Reply, source: bytes, *, changed: bool = True) -> None:
        super().__init__(reply.body, reply.headers, reply.status)
        self.source, self.changed = source, changed


Act = Callable[[], Awaitable[Reply]]
Render = Callable[[bytes], Awaitable[Reply]]
"""Makes the reply from its source again."""


def key_beside_command(request: web.Request, what: str, key: str) -> str:
    """The field `key` of a command whose id the key gives, within `what`.

    In a cluster it is empty. There `check_event_of_key` comes before the command, and `keep_event_of_key` follows if
    something was taken.
    """
    engine = request.app[ENGINE]
    return key_of_event(event_name_of_key(request, what, key)) if engine.key_events is None else ""


async def check_event_of_key(request: web.Request, what: str, key: str, event_id: int) -> None:
    """Returns if the key was not used for another event, or if the command checks that. Raises Problem, Fault."""
    key_events = request.app[ENGINE].key_events
    if key_events is None:
        return
    if await key_events.first_event(event_name_of_key(request, what, key), event_id) != event_id:
        raise problem_of(KeyReused())


def keep_event_of_key(request: web.Request, what: str, key: str) -> None:
    """Remember the event of a key for as long as answers are kept, unless the command did."""
    key_events = request.app[ENGINE].key_events
    if key_events is not None:
        key_events.keep(event_name_of_key(request, what, key))


def event_name_of_key(request: web.Request, what: str, key: str) -> str:
    """The name under which the event of the caller's key is known."""
    return keyed_name(f"event of {what}", caller_of(request).scope, key)


def creation_of(request: web.Request, what: str, body: msgspec.Struct) -> Creation:
    """The creation by which `act` of `once`, with the same `what` and `body`, makes nothing twice."""
    key = idempotency_key(request)
    if key is None:
        return ONCE
    name = request_digest(keyed_name(f"made {what}", caller_of(request).scope, key), body_digest(body))
    return Creation(name, request.app[ENGINE].settings.answer_seconds)


async def once(
    request: web.Request, what: str, body: msgspec.Struct, act: Act, render: Render | None = None, *, tag: str = ""
) -> Reply:
    """The answer of `act`; a repeat with the same key gets the first answer.

    `what`: the thing acted on, within which a key is unique. What `act` raises had no effect or an unknown one, and is
    not kept: the same key may be sent again. `act` may run once more after a process died: it must be safe to repeat.
    It runs to its end even if the client goes away; a waiter for another request is not kept after that.
    `render`: for replies of `act` that are Rendered. `tag`: of what is acted on, in a cluster (Engine.tag_of).
    Raises Problem key_reused, rate_limited for too many live keys, or unavailable if another request with the key does
    not end.
    """
    key = idempotency_key(request)
    if key is None:
        return await shield(request, act())
    caller = caller_of(request)
    answers, digest = IdempotencyStore(request.app[ENGINE]), body_digest(body)
    name = KeyName(keyed_name(what, caller.scope, key), request_digest(caller.scope) if caller.owner else "", tag)
    patience_seconds = 2 * answers.claim_ms / 1000
    # By the digest too: another body is refused at once, because its key is in use.
    async with request.app[KEY_TURNS].turn(f"{name.name} {digest}", patience_seconds):
        before = await _claim_or_wait(answers, name, digest, patience_seconds)
        if before is None:
            return await shield(request, _act_and_keep(answers, name, digest, act))
        body_before = before.body
        if before.source and render is not None:
            body_before = (await render(before.source)).body
        return Reply(body_before, {**before.headers, **REPLAYED}, before.status)


async def _act_and_keep(answers: IdempotencyStore, name: KeyName, digest: str, act: Act) -> Reply:
    try:
        reply = await act()
    except Exception:
        await _release(answers, name)
        raise
    headers = {name: reply.headers[name] for name in _KEPT_HEADERS if name in reply.headers}
    if not isinstance(reply, Rendered):
        await answers.keep(name, StoredResponse(digest, reply.status, headers, reply.body))
    elif reply.changed:
        await answers.keep(name, StoredResponse(digest, reply.status, headers, source=reply.source))
    else:
        await _release(answers, name)
    return reply


async def _claim_or_wait(
    answers: IdempotencyStore, name: KeyName, digest: str, patience_seconds: float
) -> StoredResponse | None:
    """The answer that another request with the key got, or gets while this one waits; None if there is no other."""
    clock = asyncio.get_running_loop().time
    patience_ends = clock() + patience_seconds
    while True:
        try:
            before = await answers.claim(name, digest)
        except TooManyKeys as error:
            raise _too_many(error.retry_ms) from error
        if before is None or (before.is_given and before.digest == digest):
            return before
        if before.digest != digest:
            raise problem_of(KeyReused())
        if clock() > patience_ends:
            raise _under_way()
        await asyncio.sleep(_LOOK_SECONDS)


def _too_many(retry_ms: int) -> Problem:
    retry_after = str(seconds(retry_ms))
    return Problem(
        Code.RATE_LIMITED,
        f"You have as many live Idempotency-Keys as you may; send the request without one, or in {retry_after} s.",
        headers={"Retry-After": retry_after},
        limited="keys",
    )


def _under_way() -> Problem:
    return Problem(Code.UNAVAILABLE, "Another request with this Idempotency-Key is in progress; repeat it later.")


async def _release(answers: IdempotencyStore, name: KeyName) -> None:
    try:
        await answers.release(name)
    except Fault:
        return  # it expires
