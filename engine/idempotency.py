"""Stored answers of requests with an Idempotency-Key, for repeats.

A key is claimed before its request is worked on. So of several requests at once, one works and the others wait for its
answer. A claim expires, because its process may have died. Claims do not ensure that an effect happens once: the ids of
the commands do.

A customer may have a bounded number of live keys (lua/86_answer.lua); those of services and managers are not counted.
"""

from typing import NamedTuple

import msgspec

from engine.engine import Engine
from engine.errors import EngineBug
from engine.key_events import claim_ms_of


class StoredResponse(msgspec.Struct, array_like=True, frozen=True):
    """An answer, or (status 0) the claim of a request that is being worked on. `digest` is that of the request.

    Instead of a `body` there may be a `source`, the short form that it is rendered from.
    """

    digest: str
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    source: bytes = b""

    @property
    def is_given(self) -> bool:
        """True if this is an answer."""
        return self.status != 0


class KeyName(NamedTuple):
    """The name that caller, key and request give an answer; `caller`: whose keys are counted, empty if they are not.

    `tag`: in a cluster that of what is acted on, so that a shard that is away concerns nothing else. The keys of a
    caller are then counted for each tag.
    """

    name: str
    caller: str = ""
    tag: str = ""


class TooManyKeys(Exception):
    """The caller has as many live keys as it may have; one of them expires after `retry_ms`."""

    def __init__(self, retry_ms: int) -> None:
        super().__init__(f"too many live keys; the first expires in {retry_ms} ms")
        self.retry_ms = retry_ms


_ANSWER = msgspec.msgpack.Decoder(StoredResponse)
_ENCODER = msgspec.msgpack.Encoder()


class IdempotencyStore:
    """Stored responses by the name that caller, key and request give them. Every method raises Fault."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        settings = engine.settings
        self._keep_ms = settings.answer_seconds * 1000
        self._most = settings.customer_keys
        self.claim_ms = claim_ms_of(settings)

    async def claim(self, of: KeyName, digest: str) -> StoredResponse | None:
        """Claims a name; what is there instead, or None: it is the caller's to answer now. Raises TooManyKeys."""
        packed = _ENCODER.encode(StoredResponse(digest))
        if of.caller:
            before = await self._counted("claim", of, packed, self.claim_ms, self._most)
        else:
            before = await self._engine.claim(_key(of), packed, self.claim_ms, settles=True)  # it is there for a moment
        return None if before is None else _ANSWER.decode(before)

    async def keep(self, of: KeyName, answer: StoredResponse) -> None:
        """Writes the answer down, for `answer_seconds`."""
        packed = _ENCODER.encode(answer)
        if of.caller:
            await self._counted("keep", of, packed, self._keep_ms)
        else:
            await self._engine.call("onsale_keep", (_key(of),), (packed, self._keep_ms), confirmed=False)

    async def release(self, of: KeyName) -> None:
        """Gives a claim up: the request changed nothing, or its outcome is unknown."""
        if of.caller:
            await self._counted("release", of)
        else:
            await self._engine.redis.delete(_key(of))

    async def _counted(self, word: str, of: KeyName, *arguments: bytes | int) -> bytes | None:
        """A call about a key that is counted: the answer that is there, if any. Raises TooManyKeys."""
        keys = _key(of), f"answer:{{{of.tag}}}:{of.caller}" if of.tag else f"answer:{{{of.caller}}}"
        said, *values = await self._engine.call("onsale_answer", keys, (word, of.name, *arguments), confirmed=False)
        match said, values:
            case b"done", []:
                return None
            case b"known", [bytes(answer)]:
                return answer
            case b"full", [bytes(retry_ms)]:
                raise TooManyKeys(int(retry_ms))
            case _:
                raise EngineBug(f"not a reply about an answer: {said!r}")


def _key(of: KeyName) -> str:
    if of.tag:
        return f"answer:{{{of.tag}}}:{of.caller}:{of.name}"
    return f"answer:{{{of.caller}}}:{of.name}" if of.caller else f"answer:{{{of.name}}}"
