"""Pauses between attempts: short at first, longer while a server stays away."""

import asyncio
import random

_SHORTEST_SECONDS = 0.1


class Pauses:
    """Doubling pauses up to a longest one, with jitter, so that workers do not come back all at once."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._next = _SHORTEST_SECONDS

    def reset(self) -> None:
        """All is well again: the next pause is short."""
        self._next = _SHORTEST_SECONDS

    async def wait(self) -> None:
        """Sleeps, and makes the next pause longer."""
        seconds = self._next * random.uniform(0.5, 1)  # noqa: S311  # jitter is no secret
        self._next = min(self._next * 2, self._longest)
        await asyncio.sleep(seconds)
