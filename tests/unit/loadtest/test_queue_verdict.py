"""The verdict on a waiting room finds each thing that can be wrong, and nothing in one that did its work."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from loadtest.drop.fixtures import Room
from loadtest.drop.live import LiveStock, Look, figures
from loadtest.drop.observations import ObservedPlace, Told
from loadtest.drop.page import as_page
from loadtest.drop.queue_verdict import FoundQueue, queue_breaches, summarize_queue
from loadtest.drop.queue_watch import RoomSample
from loadtest.drop.report import as_json, as_text, summarize

ROOM = Room(60, 4, 10)
ANNA = ObservedPlace("anna", 2.0, [0, 0], position=1, held=True, entered_at_seconds=12.0)
BEN = ObservedPlace("ben", 3.0, [1], position=0, absent=True)
CARL = ObservedPlace("carl", 14.0, [2], position=2, told_over_at_seconds=21.5)
SAMPLES = [
    RoomSample(-5.0, "gathering", 1, 0, 0, 0, 8),
    RoomSample(1.0, "serving", 2, 1, 0, 0, 8),
    RoomSample(3.0, "serving", 3, 2, 1, 1, 8),
    RoomSample(10.0, "over", 3, 2, 1, 0, 0),
]


def told(*places: ObservedPlace) -> Told:
    """Everybody in the room; the sale opened after ten seconds."""
    return Told(10.0, [], [], [], [], places or (ANNA, BEN, CARL))


def found(**fields: Any) -> FoundQueue:
    return FoundQueue({"anna": 0, "ben": 1, "carl": 2}, 2, [], ROOM, SAMPLES)._replace(**fields)


def with_sample(number: int, **fields: Any) -> Callable[[], FoundQueue]:
    samples = [*SAMPLES]
    samples[number] = samples[number]._replace(**fields)
    return lambda: found(samples=samples)


def test_a_room_that_did_its_work_is_clean() -> None:
    assert queue_breaches(told(), found()) == []


@pytest.mark.parametrize(
    ("spoilt", "breach"),
    [
        (lambda: found(errors=["The seed is wrong."]), "audit of the queue: The seed is wrong."),
        (lambda: found(indexes={"anna": 0, "ben": 1}), "carl joined as 2, and is None"),
        (lambda: found(indexes={"anna": 3, "ben": 1, "carl": 2}), "anna joined as 0, and is 3"),
        (with_sample(2, serving=1), "anna entered at 2.0 s, though its position is 1"),
        (with_sample(3, serving=1), "serving fell from 2 to 1 at 10.0 s"),
        (with_sample(2, inside=11), "11 were inside at 3.0 s, 10 may be"),
        (with_sample(2, idle=3), "1.50 times the 8 free places were promised at 3.0 s"),
    ],
)
def test_each_wrong_is_found(spoilt: Callable[[], FoundQueue], breach: str) -> None:
    assert breach in queue_breaches(told(), spoilt())


@pytest.mark.parametrize(
    ("place", "breach"),
    [
        (replace(ANNA, indexes=[0, 5]), "anna was told several indexes: [0, 5]"),
        (replace(ANNA, wrong_positions=[7]), "anna computed position 1, and was told [7]"),
        (replace(CARL, told_over_at_seconds=-1.0), "carl was never told that it is over"),
    ],
)
def test_wrong_answers_to_people_are_found(place: ObservedPlace, breach: str) -> None:
    assert queue_breaches(told(place), found()) == [breach]


@pytest.mark.parametrize("free", [1, 2, 3])
def test_one_customer_may_be_promised_the_last_places(free: int) -> None:
    assert queue_breaches(told(), with_sample(2, free=free)()) == []
    assert queue_breaches(told(), with_sample(2, free=free, idle=2)()) != []


def test_waits_are_counted_from_the_opening_or_from_joining_later() -> None:
    summary = summarize_queue(told(), found())
    assert (summary.joined, summary.cohort, summary.entered, summary.phase) == (3, 2, 1, "over")
    assert summary.until_entered == (1, 2.0, 2.0, 2.0, 2.0), "Anna came before the opening"
    assert summary.until_over == (1, 7.5, 7.5, 7.5, 7.5), "Carl came after it"
    assert summary.told_over == (1, 1.5, 1.5, 1.5, 1.5)
    assert (summary.most_inside, summary.worst_promise) == (1, 0.5)
    report = summarize("tiny", 3, told(), {}, [])._replace(queue=summary)
    assert "at most 0.50 times the free places promised" in as_text(report)
    assert '"until_over": {' in as_json(report)
    page = as_page(report, told(), "now", SAMPLES)
    assert "3 joined, 2 of them in the draw" in page
    assert page.count("<svg") == 5


def test_the_page_of_the_crowd_shows_the_room() -> None:
    live = LiveStock()
    queue = {"inside": 3, "joined": 1200, "serving": 200, "phase": "serving", "per_minute": 600}
    live.see(Look([], None, [], queue))
    shown = {row["name"]: row["figure"] for row in figures(live)}
    assert shown["Queue: waiting"] == "1,000"
    assert list(shown) == sorted(shown), "as Locust sorts them"
