"""Replicas: a command that is answered only when enough of them have what it did."""

from typing import Any, cast

import structlog
from redis.asyncio import Redis as RedisClient
from redis.exceptions import ResponseError

from engine.client import Redis
from engine.faults import OutcomeUnknown

log = structlog.get_logger(__name__)

_CHANNEL = "onsale:seen"


async def execute_with_acks(redis: Redis, arguments: tuple[Any, ...], acks: int, timeout_ms: int) -> Any:
    """The reply of a command, once `acks` replicas have all that it wrote or saw. Raises OutcomeUnknown.

    WAIT goes right behind the command, on the same connection. It speaks only of what this connection has written, but
    a repeat merely finds what another one wrote, and would be acknowledged for nothing. So between the two goes a
    message to nobody: it marks, in the stream to the replicas, how far the command can have seen. No disk is used.
    """
    async with cast("RedisClient", redis).pipeline(transaction=False) as calls:
        calls.execute_command(*arguments)
        calls.publish(_CHANNEL, "")
        calls.execute_command("WAIT", acks, timeout_ms)
        replies: list[Any] = await calls.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    confirmed: int = replies[-1]
    if confirmed < acks:
        log.warning("replicas_behind", confirmed=confirmed, wanted=acks)
        raise OutcomeUnknown("too few replicas confirmed it in time: outcome unknown, repeat with the same key")
    return replies[0]
