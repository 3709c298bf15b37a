"""The caller on whose behalf commands run, for the audit log.

The API sets it around a request whose changes are logged; commands carry it to the outbox beside their facts.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """A caller and the request by which it changed something. Empty texts: not known.

    `token_id` is the token's `jti`, `action` the operation of the API, `reason` what the caller gave as its reason.
    `overrides` are the rules of the sale that the caller set aside.
    """

    role: str
    sub: str
    action: str
    request_id: str
    token_id: str = ""
    address: str = ""
    reason: str = ""
    overrides: tuple[str, ...] = ()


_ACTING: ContextVar[str] = ContextVar("onsale_acting", default="")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Actor)


def acting(actor: Actor) -> AbstractContextManager[None]:
    """Within it, changes of this task and of tasks that it starts are logged as the actor's."""
    return acting_as(_ENCODER.encode(actor).decode())


@contextmanager
def acting_as(packed: str) -> Iterator[None]:
    """The same, for an actor as `packed_actor` gave it; empty: changes are not logged."""
    token = _ACTING.set(packed)
    try:
        yield
    finally:
        _ACTING.reset(token)


def packed_actor() -> str:
    """The current actor as JSON; empty if changes are not to be logged."""
    return _ACTING.get()


def current_actor() -> Actor | None:
    """The current actor, or None if changes are not to be logged."""
    packed = _ACTING.get()
    return _DECODER.decode(packed) if packed else None


def decode_actor(packed: str) -> Actor:
    """An actor from its JSON. Raises ValueError."""
    return _DECODER.decode(packed)
