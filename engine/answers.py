"""What requests with an Idempotency-Key were answered, so that a repeat is answered the same.

A key is claimed before its request is worked on, so that of several at once one works and the others wait for its
answer. A claim runs out, because its process may have died: that an effect happens once is never left to claims, but to
the ids that the commands are sent with.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from engine.batches import TROUBLE
from engine.engine import Engine
from engine.faults import OutcomeUnknown

T = TypeVar("T")


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """An answer, or (status 0) the claim of a request that is being worked on. `digest` is that of the request."""

    digest: str
    status: int = 0
    content_type: str = ""
    body: bytes = b""

    @property
    def is_given(self) -> bool:
        """Whether it is an answer."""
        return self.status != 0


_ANSWER = msgspec.msgpack.Decoder(Answer)
_ENCODER = msgspec.msgpack.Encoder()


class Answers:
    """Answers by the name that caller, key and request give them. Every method raises OutcomeUnknown."""

    def __init__(self, engine: Engine) -> None:
        self._redis = engine.redis
        settings = engine.settings
        self._timeout = settings.command_timeout_ms / 1000
        self._keep_ms = settings.answer_seconds * 1000
        # No request that is answered at all takes longer: a call of the gateway between two calls of Redis.
        self.claim_ms = settings.gateway_timeout_ms + 2 * settings.command_timeout_ms

    async def claim(self, name: str, digest: str) -> Answer | None:
        """Claims a name; what is there instead, or None: it is the caller's to answer now."""
        packed = _ENCODER.encode(Answer(digest))
        before = await self._in_time(self._redis.set(_key(name), packed, px=self.claim_ms, nx=True, get=True))
        return _ANSWER.decode(before) if isinstance(before, bytes) else None

    async def keep(self, name: str, answer: Answer) -> None:
        """Writes the answer down, for `answer_seconds`."""
        await self._in_time(self._redis.set(_key(name), _ENCODER.encode(answer), px=self._keep_ms))

    async def release(self, name: str) -> None:
        """Gives a claim up: the request had no effect, or an unknown one."""
        await self._in_time(self._redis.delete(_key(name)))

    async def _in_time(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except TROUBLE as error:
            raise OutcomeUnknown("no answer from Redis in time; repeat with the same key") from error


def _key(name: str) -> str:
    return f"answer:{{{name}}}"
