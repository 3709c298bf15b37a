"""Which message each signed callback was, so that none can be used for another payment than its own."""

import asyncio
from hashlib import blake2b

from engine.batches import TROUBLE
from engine.engine import Engine
from engine.faults import OutcomeUnknown

_PREFIX = "callback:"


async def claim_message(engine: Engine, message_id: str, purpose: str, keep_seconds: int) -> bool:
    """Whether a message is for this purpose: the first one that it is claimed for, on any process, is its only one.

    A signature covers the id, the time and the body of a message, but not the path that it is posted to. Claimed again
    for the same purpose it is true again. Forgotten after `keep_seconds`, so use it for messages that are too old by
    then. Raises OutcomeUnknown if Redis does not answer.
    """
    key = _PREFIX + blake2b(message_id.encode(), digest_size=16).hexdigest()
    try:
        async with asyncio.timeout(engine.settings.command_timeout_ms / 1000):
            known = await engine.redis.set(key, purpose, ex=keep_seconds, nx=True, get=True)
    except TROUBLE as error:
        raise OutcomeUnknown("no answer from Redis in time; send the callback again") from error
    return known is None or known == purpose.encode()
