"""Rates that each process counts for itself, without a way to Redis, by the algorithm of lua/18_limits.lua."""

import time
from collections import OrderedDict

_MOST = 10_000
"""The number of names remembered: the most recent ones."""


class LocalRates:
    """When each name may come again. Names that are not limited have an interval of 0."""

    def __init__(self) -> None:
        self._arrivals: OrderedDict[str, int] = OrderedDict()

    @property
    def is_empty(self) -> bool:
        """True if no name has come yet."""
        return not self._arrivals

    def wait_ms(self, name: str, every_ms: int, burst: int) -> int:
        """The time until a name may come again; 0 or less: it may now."""
        arrival = self._arrivals.get(name)
        return 0 if arrival is None else arrival - every_ms * (burst - 1) - _now_ms()

    def count(self, name: str, every_ms: int) -> None:
        """Record that a name came."""
        self._arrivals[name] = max(self._arrivals.get(name, 0), _now_ms()) + every_ms
        self._arrivals.move_to_end(name)
        while len(self._arrivals) > _MOST:
            self._arrivals.popitem(last=False)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
