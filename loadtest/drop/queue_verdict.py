"""The verdict on a waiting room: order kept, nobody lost, inflow within its bounds, the end known to all. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import quantiles
from typing import NamedTuple

from loadtest.drop.fixtures import Room
from loadtest.drop.observations import ObservedPlace, Told
from loadtest.drop.queue_watch import RoomSample

_PROMISE = 1.2
"""The highest proportion of places promised to those inside without one to the free places."""

_CLOCKS_DIFFER_SECONDS = 0.05


class FoundQueue(NamedTuple):
    """The room after the drop: the index of each customer, errors of its audit, and what was seen of it meanwhile."""

    indexes: Mapping[str, int]
    cohort: int
    errors: Sequence[str]
    room: Room
    samples: Sequence[RoomSample]


class Waits(NamedTuple):
    """Seconds that customers waited, from joining or from the opening, whichever was later; None without any."""

    customers: int
    p50: float | None
    p90: float | None
    p99: float | None
    longest: float | None


class QueueSummary(NamedTuple):
    """Figures of a waiting room for a report.

    `worst_promise`: the highest proportion of promised to free places. `told_over`: seconds from the end until
    customers who waited learned the end.
    """

    phase: str
    joined: int
    cohort: int
    entered: int
    max_inside: int
    most_inside: int
    worst_promise: float
    until_entered: Waits
    until_over: Waits
    told_over: Waits


def queue_breaches(told: Told, found: FoundQueue) -> list[str]:
    """Everything that is not as it must be; nothing: the room did its work."""
    return [
        *(f"audit of the queue: {error}" for error in found.errors),
        *_places(told.places, found),
        *_order(told, found.samples),
        *_inflow(found),
        *_end(told.places, found.samples),
    ]


def _places(places: Sequence[ObservedPlace], found: FoundQueue) -> Iterator[str]:
    """Nobody lost a place, or got an answer with another one."""
    for place in places:
        if len(set(place.indexes)) > 1:
            yield f"{place.customer_id} was told several indexes: {place.indexes}"
        if not place.left and found.indexes.get(place.customer_id) != place.indexes[0]:
            yield f"{place.customer_id} joined as {place.indexes[0]}, and is {found.indexes.get(place.customer_id)}"
        if place.wrong_positions:
            yield f"{place.customer_id} computed position {place.position}, and was told {place.wrong_positions}"


def _order(told: Told, samples: Sequence[RoomSample]) -> Iterator[str]:
    """Nobody entered before its turn, and the watermark did not fall."""
    for before, after in pairwise(samples):
        if after.serving < before.serving:
            yield f"serving fell from {before.serving} to {after.serving} at {after.at_seconds:.1f} s"
    for place in told.places:
        if place.entered_at_seconds < 0:
            continue
        entered = place.entered_at_seconds - told.opened_at_seconds + _CLOCKS_DIFFER_SECONDS
        later = bisect_left(samples, entered, key=lambda sample: sample.at_seconds)
        if later < len(samples) and samples[later].serving <= place.position:
            yield f"{place.customer_id} entered at {entered:.1f} s, though its position is {place.position}"


def promise_of(sample: RoomSample, room: Room) -> float:
    """The places promised to those inside without one, as a proportion of the free ones.

    A pass promises what it buys, or all that is free if that is less.
    """
    return sample.idle * min(room.places_per_pass, sample.free) / sample.free if sample.free else 0.0


def _inflow(found: FoundQueue) -> Iterator[str]:
    for sample in found.samples:
        if sample.inside > found.room.max_inside:
            yield f"{sample.inside} were inside at {sample.at_seconds:.1f} s, {found.room.max_inside} may be"
        promised = promise_of(sample, found.room)
        if promised > _PROMISE:
            yield f"{promised:.2f} times the {sample.free} free places were promised at {sample.at_seconds:.1f} s"


def _end(places: Sequence[ObservedPlace], samples: Sequence[RoomSample]) -> Iterator[str]:
    """Everybody who was there to the end without a place knows that it is over."""
    if not samples or samples[-1].phase != "over":
        return
    for place in places:
        if not (place.absent or place.held or place.left) and place.told_over_at_seconds < 0:
            yield f"{place.customer_id} was never told that it is over"


def summarize_queue(told: Told, found: FoundQueue) -> QueueSummary:
    """All that a report shows of the room."""
    opened, samples = told.opened_at_seconds, found.samples
    over = next((sample.at_seconds for sample in samples if sample.phase == "over"), None)

    def waits(ends: Sequence[tuple[ObservedPlace, float]]) -> Waits:
        return _waits([end - max(place.joined_at_seconds, opened) for place, end in ends if end >= 0])

    told_over = [
        max(0.0, place.told_over_at_seconds - opened - over)
        for place in told.places
        if over is not None and place.told_over_at_seconds >= 0 and place.joined_at_seconds - opened <= over
    ]
    return QueueSummary(
        samples[-1].phase if samples else "",
        samples[-1].joined if samples else 0,
        found.cohort,
        sum(place.entered_at_seconds >= 0 for place in told.places),
        found.room.max_inside,
        max((sample.inside for sample in samples), default=0),
        round(max((promise_of(sample, found.room) for sample in samples), default=0.0), 2),
        waits([(place, place.entered_at_seconds) for place in told.places]),
        waits([(place, place.told_over_at_seconds) for place in told.places]),
        _waits(told_over),
    )


def _waits(seconds: Sequence[float]) -> Waits:
    if not seconds:
        return Waits(0, None, None, None, None)
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
    p50, p90, p99 = (round(cuts[share], 2) for share in (49, 89, 98))
    return Waits(len(seconds), p50, p90, p99, round(max(seconds), 2))
