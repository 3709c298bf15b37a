"""Delays of this process, for waiting rooms: where answers take too long, fewer customers are let in."""

import math
import time
from collections.abc import Callable

from aiohttp import web

_PERIOD_SECONDS = 1.0


class _Delays:
    """The delays of the last one to two seconds."""

    def __init__(self) -> None:
        self.now: list[float] = []
        self.before: list[float] = []

    def slowest(self, share: float) -> float:
        """The shortest of the slowest part of them; 0 without any."""
        ordered = sorted(self.now + self.before)
        return ordered[-1 - int(share * len(ordered))] if ordered else 0.0


class AnswerDelays:
    """Delays of the last one to two seconds.

    Of the engine's commands the 99th percentile counts, so that one that stalls is no reason to let fewer customers in.
    The event loop is looked at less often; there the longest delay counts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = -math.inf
        self._answers, self._lags = _Delays(), _Delays()

    def note_answer(self, seconds: float) -> None:
        """Commands of the engine took so long."""
        self._turn()
        self._answers.now.append(seconds)

    def note_lag(self, seconds: float) -> None:
        """The event loop was so late."""
        self._turn()
        self._lags.now.append(seconds)

    def worst_ms(self) -> int:
        """The delay that counts, in ms."""
        self._turn()
        return int(1000 * max(self._answers.slowest(0.01), self._lags.slowest(0)))

    def _turn(self) -> None:
        now = self._clock()
        passed = now - self._since
        if passed >= _PERIOD_SECONDS:
            for delays in (self._answers, self._lags):
                delays.before = delays.now if passed < 2 * _PERIOD_SECONDS else []
                delays.now = []
            self._since = now


DELAYS: web.AppKey["AnswerDelays"] = web.AppKey("delays")
