"""Which message each signed callback was, so that none can be used for another payment than its own."""

from hashlib import blake2b

from engine.engine import Engine

_PREFIX = "callback:"


async def claim_message(engine: Engine, message_id: str, purpose: str, keep_seconds: int) -> bool:
    """Claim a message for a purpose; the first purpose claimed, on any process, is its only one.

    Returns true if the message belongs to this purpose.

    A signature covers the id, the time and the body of a message, but not the path that it is posted to. Claimed again
    for the same purpose it is true again. Forgotten after `keep_seconds`, so use it for messages that are too old by
    then. Raises Fault.
    """
    key = _PREFIX + blake2b(message_id.encode(), digest_size=16).hexdigest()
    known = await engine.claim(key, purpose, keep_seconds * 1000, settles=True)
    return known is None or known == purpose.encode()
