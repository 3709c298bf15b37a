"""Idempotency-Key: the same key with the same body has its effect once, and the same answer.

A key of POST /v1/reservations names the reservation, so a repeat finds that. What other requests were answered is kept
(engine/answers.py).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from api.callers import caller_of
from api.keys import ENGINE
from api.problems import Code, Problem, invalid
from api.refusals import problem_of
from api.replies import Reply
from engine.answers import Answer, Answers
from engine.faults import Fault
from engine.ids import keyed_name, request_digest
from engine.results import KeyReused

REPLAYED = {"Idempotency-Replayed": "true"}
"""Goes with an answer whose effect an earlier request had."""

_VISIBLE = r"[!-~]{1,255}"

KeyText = Annotated[str, Meta(pattern=f"^{_VISIBLE}$")]
"""What a key may be."""

_KEY = re.compile(_VISIBLE, re.ASCII)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_LOOK_SECONDS = 0.02


def idempotency_key(request: web.Request) -> str | None:
    """The request's key. Raises Problem invalid for one that is not 1..255 visible ASCII characters."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return key


def body_digest(body: msgspec.Struct) -> str:
    """A digest of what a body says; the same for the same values, however they were written."""
    return request_digest(_ENCODER.encode(body).decode())


async def once(request: web.Request, what: str, body: msgspec.Struct, act: Callable[[], Awaitable[Reply]]) -> Reply:
    """What `act` answers; to a repeat with the same key what it answered the first time.

    `what`: the thing acted on, within which a key is unique. What `act` raises had no effect or an unknown one, and is
    not kept: the same key may be sent again. `act` may run once more after a process died: it must be safe to repeat.
    Raises Problem key_reused, or unavailable if another request with the key does not come to its end.
    """
    key = idempotency_key(request)
    if key is None:
        return await act()
    answers, name, digest = (
        Answers(request.app[ENGINE]),
        keyed_name(what, caller_of(request).scope, key),
        body_digest(body),
    )
    before = await _claim_or_wait(answers, name, digest)
    if before is not None:
        return Reply(before.body, {"Content-Type": before.content_type, **REPLAYED}, before.status)
    try:
        reply = await act()
    except Exception:
        await _release(answers, name)
        raise
    await answers.keep(name, Answer(digest, reply.status, reply.headers["Content-Type"], reply.body))
    return reply


async def _claim_or_wait(answers: Answers, name: str, digest: str) -> Answer | None:
    """The answer that another request with the key got, or gets while this one waits; None if there is no other."""
    clock = asyncio.get_running_loop().time
    patience_ends = clock() + 2 * answers.claim_ms / 1000
    while True:
        before = await answers.claim(name, digest)
        if before is None or (before.is_given and before.digest == digest):
            return before
        if before.digest != digest:
            raise problem_of(KeyReused())
        if clock() > patience_ends:
            raise Problem(Code.UNAVAILABLE, "Another request with this Idempotency-Key is under way; repeat it later.")
        await asyncio.sleep(_LOOK_SECONDS)


async def _release(answers: Answers, name: str) -> None:
    try:
        await answers.release(name)
    except Fault:
        return  # it runs out
