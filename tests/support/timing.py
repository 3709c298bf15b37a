"""Measuring time on a machine that is shared: others slow a try or a round down, nobody can speed it up.

Elapsed time includes the time for which a server had no processor. So one good try is enough. If no round was good, but
only a few calls of each were long, the best of each call over all rounds counts. A call does the same work in every
round.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import NamedTuple

_PAUSE_SECONDS = 0.05
LONGEST_CALL_MS = 5.0
FEW = 15
"""Of some 1,560 calls, that many may have met with others of the machine."""


async def least_of_tries(
    measure: Callable[[], Awaitable[float]], bar: float, *, tries: int = 5, patience_seconds: float = 20
) -> float:
    """The least of what was measured: of `tries`, and where all were above the bar, of more until patience ends."""
    deadline = time.monotonic() + patience_seconds
    least = min([await measure() for _ in range(tries)])
    while least >= bar and time.monotonic() < deadline:
        await asyncio.sleep(_PAUSE_SECONDS)
        least = min(least, await measure())
    return least


class Round(NamedTuple):
    """The time of a round, and of each of its calls."""

    seconds: float
    calls_ms: list[float]

    @classmethod
    def best_of(cls, rounds: Sequence["Round"]) -> "Round":
        """The least of each."""
        calls = zip(*(each.calls_ms for each in rounds), strict=False)  # one may have a call more
        return cls(min(each.seconds for each in rounds), list(map(min, calls)))

    @property
    def long_calls(self) -> int:
        return sum(call_ms > LONGEST_CALL_MS for call_ms in self.calls_ms)

    def is_good(self, patience_seconds: float) -> bool:
        return self.seconds <= patience_seconds and not self.long_calls

    def __str__(self) -> str:
        calls = f"{len(self.calls_ms)} calls, ms: median {median(self.calls_ms):.2f}, longest {max(self.calls_ms):.2f}"
        return f"after {self.seconds:.1f} s; {calls}, {self.long_calls} too long"


def are_good(rounds: Sequence[Round], patience_seconds: float) -> bool:
    """True if the slowness in these rounds is the machine's."""
    if any(each.is_good(patience_seconds) for each in rounds):
        return True
    return all(each.long_calls <= FEW for each in rounds) and Round.best_of(rounds).is_good(patience_seconds)
