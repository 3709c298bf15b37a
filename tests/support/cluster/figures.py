"""The length of failures for buyers, and their cost to everybody else."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from tests.support.cluster.history import Sold

MOST_TIMES_CALM = 3.0
"""The p99 of partitions that a failure does not hit, as a multiple of the p99 while nothing fails."""

PROMPT = frozenset({"kill", "freeze", "cut off", "two primaries"})
"""Failures after which a replica takes over by itself: within the node timeout and two seconds."""


class Figures(NamedTuple):
    """One failure. `pause_seconds`: the longest time in which an event that it hit sold nothing.

    `p99_ms`: the time to hold a place of the others; 0 where there are none.
    """

    failure: str
    pause_seconds: float
    p99_ms: float


def figures_of(failure: str, sales: Sequence[Sold], began: float, ended: float, hit: set[int]) -> Figures:
    """`sales` are those since the failure before, `hit` are ids of events."""
    pauses = []
    for event_id in hit:
        times = [began, *(sold.at for sold in sales if sold.event_id == event_id and began < sold.at < ended), ended]
        pauses.append(max(later - earlier for earlier, later in pairwise(times)))
    others = [sold.seconds for sold in sales if sold.event_id not in hit and began < sold.at < ended]
    return Figures(failure, max(pauses, default=0.0), p99_ms(others))


def p99_ms(seconds: Sequence[float]) -> float:
    """The 99th percentile, in ms; 0 of too few."""
    return quantiles(seconds, n=100)[98] * 1000 if len(seconds) > 1 else 0.0


def table(figures: Sequence[Figures], calm_ms: float) -> str:
    """A Markdown table, with a row for each failure."""
    lines = [
        f"p99 while nothing fails: {calm_ms:.0f} ms",
        "| failure | times | pause s: median | longest | p99 ms of the others: median | of calm |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in dict.fromkeys(one.failure for one in figures):
        pauses, others = _pauses(figures, name), _others(figures, name)
        p99 = f"{median(others):.0f} | {median(others) / calm_ms:.1f}" if others else "none | "
        lines.append(f"| {name} | {len(pauses)} | {median(pauses):.1f} | {max(pauses):.1f} | {p99} |")
    return "\n".join(lines)


def late(figures: Sequence[Figures], calm_ms: float, most_seconds: float) -> list[str]:
    """The steps that took too long, by the medians: one try may have met with others of the machine."""
    found = []
    for name in dict.fromkeys(one.failure for one in figures):
        pause = median(_pauses(figures, name))
        if name in PROMPT and pause > most_seconds:
            found.append(f"{name}: sales went on after {pause:.1f} s, at most {most_seconds:.1f}")
        others = _others(figures, name)
        if others and median(others) > MOST_TIMES_CALM * calm_ms:
            found.append(f"{name}: p99 of other partitions is {median(others):.0f} ms, and {calm_ms:.0f} when calm")
    return found


def _pauses(figures: Sequence[Figures], name: str) -> list[float]:
    return [one.pause_seconds for one in figures if one.failure == name]


def _others(figures: Sequence[Figures], name: str) -> list[float]:
    return [one.p99_ms for one in figures if one.failure == name and one.p99_ms]
