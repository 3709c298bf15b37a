"""Results of a load."""

from collections import Counter
from typing import NamedTuple

import msgspec

_GOOD = range(200, 300)
_NORMAL_SECONDS = 0.25
"""An answer that came within this time is a normal one."""

_SLICE_SECONDS = 0.1


class Answered(NamedTuple):
    """One answer: when it came, after which time from its due time, and its status."""

    at: float
    latency: float
    status: int


class Load(msgspec.Struct):
    """The answers to arrivals in a number of seconds. `unsent`: arrivals that found no free connection.

    `unhelpful`: refusals without Retry-After.
    """

    name: str
    seconds: float
    due: int
    unsent: int
    broken: int
    unhelpful: int
    statuses: Counter[int]
    answers: list[tuple[float, float, int]]

    @property
    def due_per_second(self) -> float:
        """Arrivals."""
        return self.due / self.seconds

    @property
    def good_per_second(self) -> float:
        """Successes that came while the load lasted."""
        return sum(status in _GOOD and at <= self.seconds for at, _, status in self.answers) / self.seconds

    def good_latencies(self) -> list[float]:
        """Seconds from its due time to each success, in ascending order."""
        return sorted(latency for _, latency, status in self.answers if status in _GOOD)

    def percentiles_ms(self) -> tuple[float, float, float]:
        """The p50, p99 and p99.9 of successes."""
        return (
            percentile_ms(self.good_latencies(), 0.5),
            percentile_ms(self.good_latencies(), 0.99),
            percentile_ms(self.good_latencies(), 0.999),
        )

    def normal_after_seconds(self) -> float:
        """When the last answer came that was refused, or slow: from then on all was normal."""
        strange = [at for at, latency, status in self.answers if status not in _GOOD or latency > _NORMAL_SECONDS]
        return max(strange, default=0.0)


def percentile_ms(ascending: list[float], share: float) -> float:
    """A percentile of seconds, in ms; 0 of nothing."""
    if not ascending:
        return 0.0
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] * 1000
