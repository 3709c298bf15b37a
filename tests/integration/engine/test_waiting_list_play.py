"""Hypothesis plays a sale with a waiting list; server and model agree after every step. Seeded defects are found."""

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.library import library_text
from engine.settings import Settings
from tests.support.effort import effort
from tests.support.engine.waiting_list_play import Stage, WaitingPlay

RUNS = effort(40, 1000)
RUNS_TO_FIND_A_DEFECT = 1000
STEPS = 40


def play(stage: Stage, phases: tuple[Phase, ...], runs: int) -> None:
    events: list[int] = []
    run_state_machine_as_test(
        lambda: WaitingPlay(stage, events),  # type: ignore[arg-type]  # anything that makes a machine will do
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            print_blob=True,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_server_and_model_agree_after_every_step(unsynced_settings: Settings) -> None:
    with Stage(unsynced_settings) as stage:
        play(stage, (Phase.generate, Phase.shrink), RUNS)


class Defect(NamedTuple):
    """A line of the library, and what it is replaced by."""

    name: str
    text: str
    instead: str


DEFECTS = [
    Defect(
        "what returns is for sale",
        "pool.aside, pool.available, returned = pool.aside + pool.available - base, base, true",
        "returned = true",
    ),
    Defect(
        "what returns is not offered",
        "if set_aside(list) or list.unserved then",
        "set_aside(list)\n      if false then",
    ),
    Defect("the last in line is served first", "entry.number < best.number", "entry.number > best.number"),
    Defect("who waits for more is passed over", "if not terms.waiting[3] then", "if false then"),
    Defect(
        "an offer does not count for its customer",
        "unit_add_customer_places(u, list.event, entry.customer",
        "unit_add_customer_places(u, list.event, 'x'",
    ),
    Defect("what was for sale is set aside", "lined.before = math.max(0, lined.before - line[LINE_QUANTITY])", ""),
    Defect("who is offered places goes on waiting", "    leave(list, entry)\n    for _, line", "    for _, line"),
    Defect("a declined offer stays offered", "    waitlists.offer_ended(u, r, (state", "    local _ = (u and (state"),
    Defect("a list that has ended goes on", "terms.waiting[2] > 0 and u.now_ms >= terms.waiting[2] or", "false or"),
]


@pytest.mark.damages_keys
@pytest.mark.timeout(600)
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_defect_is_found(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert defect.text in text, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with Stage(unsynced_settings) as stage, pytest.raises(Exception):  # noqa: B017, PT011  # however it shows
        play(stage, (Phase.generate,), RUNS_TO_FIND_A_DEFECT)
