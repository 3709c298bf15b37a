"""Replicas: a command that is answered only when enough of them have what it did."""

from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from engine.errors import HOW_TO_LEARN, OutcomeUnknown
from engine.wire import Call

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """Sends several calls in one piece over one connection; raises for the first that failed."""

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The replies, in order."""
        ...


async def call_with_acks(sender: Sender, call: Call, acks: int, timeout_ms: int) -> Any:
    """The reply of a call, once `acks` replicas have all that it wrote or saw. Raises OutcomeUnknown.

    WAIT goes right behind the call, on the same connection. It speaks only of what this connection has written. So a
    function that only finds what another one wrote marks that for the replicas (lua/05_server.lua).
    """
    (reply,) = await calls_with_acks(sender, [call], acks, timeout_ms)
    return reply


async def calls_with_acks(sender: Sender, calls: Sequence[Call], acks: int, timeout_ms: int) -> list[Any]:
    """The replies of calls over one connection, once `acks` replicas have all that the last one wrote or saw.

    Raises OutcomeUnknown.
    """
    *replies, confirmed = await sender.calls([*calls, ("WAIT", acks, timeout_ms)])
    if confirmed < acks:
        log.warning("replicas_behind", confirmed=confirmed, wanted=acks)
        raise OutcomeUnknown(f"too few replicas confirmed the change in time; {HOW_TO_LEARN}")
    return replies
