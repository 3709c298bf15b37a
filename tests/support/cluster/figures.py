"""The length of failures for buyers, and their cost to everybody else."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from tests.support.cluster.history import Sold

MOST_TIMES_CALM = 3.0
"""The p99 of partitions that a failure does not hit, as a multiple of the p99 right before it."""

PROMPT = frozenset({"kill", "freeze", "cut off", "two primaries"})
"""Failures after which a replica takes over by itself: within the node timeout and two seconds."""


class Figures(NamedTuple):
    """One failure. `pause_seconds`: the longest time in which an event that it hit sold nothing.

    Times to hold a place, in seconds: `others` of events that it did not hit, and `calm` of all, right before it.
    """

    failure: str
    pause_seconds: float
    others: list[float]
    calm: list[float]


def figures_of(failure: str, sales: Sequence[Sold], began: float, ended: float, hit: set[int]) -> Figures:
    """`sales` begin with those right before the failure; `hit` are ids of events."""
    pauses = []
    for event_id in hit:
        times = [began, *(sold.at for sold in sales if sold.event_id == event_id and began < sold.at < ended), ended]
        pauses.append(max(later - earlier for earlier, later in pairwise(times)))
    others = [sold.seconds for sold in sales if sold.event_id not in hit and began < sold.at < ended]
    calm = [sold.seconds for sold in sales if sold.at <= began]
    return Figures(failure, max(pauses, default=0.0), others, calm)


def p99_ms(seconds: Sequence[float]) -> float:
    """The 99th percentile, in ms; 0 of too few."""
    return quantiles(seconds, n=100, method="inclusive")[98] * 1000 if len(seconds) > 1 else 0.0


def table(figures: Sequence[Figures]) -> str:
    """A Markdown table, with a row for each failure."""
    lines = [
        "| failure | times | pause s: median | longest | p99 ms of the others | right before | times |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in dict.fromkeys(one.failure for one in figures):
        pauses, (others_ms, calm_ms) = _pauses(figures, name), _p99s(figures, name)
        p99 = f"{others_ms:.0f} | {calm_ms:.0f} | {others_ms / calm_ms:.1f}" if others_ms else "none |  | "
        lines.append(f"| {name} | {len(pauses)} | {median(pauses):.1f} | {max(pauses):.1f} | {p99} |")
    return "\n".join(lines)


def late(figures: Sequence[Figures], most_seconds: float) -> list[str]:
    """The steps that took too long, by the medians: one try may have met with others of the machine."""
    found = []
    for name in dict.fromkeys(one.failure for one in figures):
        pause = median(_pauses(figures, name))
        if name in PROMPT and pause > most_seconds:
            found.append(f"{name}: sales went on after {pause:.1f} s, at most {most_seconds:.1f}")
        others_ms, calm_ms = _p99s(figures, name)
        if others_ms > MOST_TIMES_CALM * calm_ms:
            found.append(f"{name}: p99 of other partitions is {others_ms:.0f} ms, and {calm_ms:.0f} right before")
    return found


def _pauses(figures: Sequence[Figures], name: str) -> list[float]:
    return [one.pause_seconds for one in figures if one.failure == name]


def _p99s(figures: Sequence[Figures], name: str) -> tuple[float, float]:
    """The p99 beside failures of that name and right before them, of all their sales; 0 and 0 where all is hit."""
    both = [one for one in figures if one.failure == name and one.others]
    return p99_ms([each for one in both for each in one.others]), p99_ms([each for one in both for each in one.calm])
