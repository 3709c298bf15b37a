"""Backoff: pauses that double while something stays away, with jitter so that not all come back at once."""

import asyncio
import random
from collections.abc import Collection, Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

_SHORTEST_SECONDS = 0.1


def pause_after(failures: int, shortest: float, longest: float) -> float:
    """The pause after a failure, by the number of failures before it, in the unit of `shortest` and `longest`."""
    return min(shortest * 2.0 ** min(failures, 32), longest) * random.uniform(0.5, 1)  # noqa: S311  # no secret


class Backoff:
    """The pauses of one loop."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._failures = 0

    def reset(self) -> None:
        """All is well again: the next pause is short."""
        self._failures = 0

    async def wait(self) -> None:
        """Sleep, and make the next pause longer."""
        seconds = pause_after(self._failures, _SHORTEST_SECONDS, self._longest)
        self._failures += 1
        await asyncio.sleep(seconds)


class _Pause(NamedTuple):
    failures: int
    until: float


class KeyedBackoff(Generic[K]):
    """Pauses of many keys, by the clock of the event loop."""

    def __init__(self, longest_seconds: float, shortest_seconds: float = _SHORTEST_SECONDS) -> None:
        self._longest, self._shortest = longest_seconds, shortest_seconds
        self._pauses: dict[K, _Pause] = {}
        self._clock = asyncio.get_running_loop().time

    def __len__(self) -> int:
        """The number of keys that failed and have not succeeded since, paused or not."""
        return len(self._pauses)

    def failed(self, key: K, at_least_seconds: float = 0) -> None:
        """Record a failed attempt. Failures of attempts that were under way with it do not lengthen the pause.

        `at_least_seconds` is what the other side asked for: the pause is not shorter in any case.
        """
        before, now = self._pauses.get(key), self._clock()
        if before is not None and before.until > now:
            self._pauses[key] = before._replace(until=max(before.until, now + at_least_seconds))
            return
        failures = before.failures + 1 if before else 0
        seconds = max(pause_after(failures, self._shortest, self._longest), at_least_seconds)
        self._pauses[key] = _Pause(failures, now + seconds)

    def succeeded(self, key: K) -> None:
        """Record a success: the next pause is short."""
        self._pauses.pop(key, None)

    def pausing(self) -> set[K]:
        """The keys that are paused now."""
        now = self._clock()
        return {key for key, pause in self._pauses.items() if pause.until > now}

    def keep(self, keys: Collection[K]) -> None:
        """Forget all others."""
        for key in self._pauses.keys() - set(keys):
            del self._pauses[key]
