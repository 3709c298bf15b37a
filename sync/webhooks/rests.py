"""Endpoints that fail are left alone for a while: all of one, so that an outage does not try every message in turn."""

import asyncio
import random
from typing import NamedTuple

_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 60.0


class _Rest(NamedTuple):
    seconds: float
    until: float


class Rests:
    """Which endpoints rest, by the event loop's clock. A rest is twice as long as the one before it, up to a minute."""

    def __init__(self) -> None:
        self._rests: dict[int, _Rest] = {}
        self._clock = asyncio.get_running_loop().time

    def begin(self, webhook_id: int) -> None:
        """A call has failed. Those that were under way with it and fail too make the rest no longer."""
        before, now = self._rests.get(webhook_id), self._clock()
        if before is not None and before.until > now:
            return
        seconds = min(before.seconds * 2, _LONGEST_SECONDS) if before else _SHORTEST_SECONDS
        until = now + seconds * random.uniform(0.5, 1)  # noqa: S311  # jitter is no secret
        self._rests[webhook_id] = _Rest(seconds, until)

    def end(self, webhook_id: int) -> None:
        """It has taken a message: all is well."""
        self._rests.pop(webhook_id, None)

    def resting(self) -> set[int]:
        """Those that are to be left alone now."""
        now = self._clock()
        return {webhook_id for webhook_id, rest in self._rests.items() if rest.until > now}
