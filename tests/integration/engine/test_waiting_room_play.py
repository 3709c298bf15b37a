"""Hypothesis plays a waiting room; server and model agree after every step. Seeded defects are found."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from engine.library import library_text
from engine.settings import Settings
from tests.support.effort import LONG, SOAKING, effort
from tests.support.engine.synchronous_stage import Stage
from tests.support.engine.waiting_room_play import RoomPlay
from tests.support.repeatable_play import play_again, play_until_it_fails

RUNS = effort(15, 1000)
RUNS_TO_FIND_A_DEFECT = 500
STEPS = 30


def made_on(stage: Stage) -> Callable[[], RoomPlay]:
    events: list[int] = []
    return lambda: RoomPlay(stage, events)


@pytest.mark.timeout(600)
def test_server_and_model_agree_after_every_step(unsynced_settings: Settings) -> None:
    with Stage(unsynced_settings) as stage:
        play_again(made_on(stage), RUNS, STEPS, shrinks=True)


class Defect(NamedTuple):
    """A line of the library, and what it is replaced by."""

    name: str
    text: str
    instead: str


ENDS = """    if place.began_ms > 0 then
      rooms.end_pass(room, customer, place)
    end
"""

KNOWN = """    if place then
      return rooms.reply_place(u, room, place, true)
    end"""

DEFECTS = [
    Defect(
        "a customer who joins again has another place",
        f"{KNOWN}\n    if u.memory_full",
        "if u.memory_full",
    ),
    Defect("joins are not in the digest", "room.digest = redis.sha1hex(room.digest .. '\\n' .. customer)", ""),
    Defect(
        "who comes late is one too far back",
        "if index >= cohort then\n      return index",
        "if index >= cohort then\n      return index + 1",
    ),
    Defect("a pause lets others in", "room.paused == 1 or sale.refusal(u, terms)", "sale.refusal(u, terms)"),
    Defect("a customer who leaves stays inside", f"{ENDS}    room.places[customer]", "    room.places[customer]"),
    Defect(
        "a pass buys a place too many", "place.used + places <= room.terms", "place.used + places - 1 <= room.terms"
    ),
    Defect("an ended pass buys", "return place.until_ms > u.now_ms", "return place.until_ms > 0"),
    Defect("what was given back counts on", "place.used = math.max(0, place.used - places)", ""),
    Defect("more are inside than may be", "math.min(most - room.inside, idle - room.idle)", "idle - room.idle"),
    Defect("free places are promised twice", "math.min(most - room.inside, idle - room.idle)", "most - room.inside"),
    Defect("anybody may enter", "if not position or position >= room.serving then", "if not position then"),
]

RARE = Defect("places of an earlier pass count for this one", "or since_ms < place.began_ms or", "or")
"""Found after hundreds of runs. test_waiting_rooms.py (what an earlier pass took) sees it directly, in each run."""


FOUND_DEARLY = {"a customer who leaves stays inside", "more are inside than may be"}
"""Defects that take half of the processor time of all: sought in a soak alone."""

SOUGHT = [
    *(defect for defect in DEFECTS if SOAKING or defect.name not in FOUND_DEARLY),
    pytest.param(RARE, marks=LONG),
]


def test_every_defect_is_one_of_the_library_as_it_is() -> None:
    text = library_text()
    assert [defect.name for defect in [*DEFECTS, RARE] if defect.text not in text] == [], "choose other lines to break"


@pytest.mark.damages_keys
@pytest.mark.timeout(600)
@pytest.mark.parametrize("defect", SOUGHT, ids=lambda defect: defect.name.replace(" ", "-"))
def test_defect_is_found(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert defect.text in text, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with Stage(unsynced_settings) as stage, pytest.raises(Exception):  # noqa: B017, PT011  # however it shows
        play_until_it_fails(made_on(stage), RUNS_TO_FIND_A_DEFECT, STEPS)
