"""Waiting lists, played on purpose against the pure model; each seeded defect is a disagreement."""

from collections import Counter

import pytest
from msgspec.structs import replace

from engine.library import library_text
from engine.settings import Settings
from engine.words import WaitingState
from tests.support.engine.model_vs_server import Disagreement, World
from tests.support.engine.strategies import LONG_MS, PARTITIONS, SHORT_MS
from tests.support.engine.waiting_defects import DEFECTS_OF_WAITING_LISTS, Defect
from tests.support.engine.waiting_state_machine import WaitingSales, purposeful_plays

# The play is about what is decided, not about how soon: a busy machine may take its time.
_PATIENCE_MS = 30_000


@pytest.fixture
def sale_settings(unsynced_settings: Settings) -> Settings:
    return replace(
        unsynced_settings,
        partitions=PARTITIONS,
        sweep_slice=2,
        booking_expires_ms=SHORT_MS,
        command_timeout_ms=_PATIENCE_MS,
    )


def play_all(world: World, first: str = "") -> Counter[WaitingState]:
    """The states in which entries were at the end of each play. `first` names the play to begin with."""
    states: Counter[WaitingState] = Counter()
    for _, play in sorted(purposeful_plays(), key=lambda named: named[0] != first):
        machine = WaitingSales(world)
        machine.opens(4, LONG_MS, False)
        play(machine)
        states.update(entry.state for entry in world.model.lines.entries.values())
    return states


def test_server_and_model_agree_whatever_returns(sale_settings: Settings) -> None:
    with World(sale_settings) as world:
        states = play_all(world)
    assert min(states[state] for state in WaitingState) > 1, states


def test_every_defect_is_one_of_the_library_as_it_is() -> None:
    library = library_text()
    strange = [defect.name for defect in DEFECTS_OF_WAITING_LISTS if library.count(defect.text) != 1]
    assert strange == [], "choose other lines"


def test_every_defect_names_a_play_that_there_is() -> None:
    assert {defect.play for defect in DEFECTS_OF_WAITING_LISTS} <= {name for name, _ in purposeful_plays()}


@pytest.mark.damages_keys
@pytest.mark.parametrize("defect", DEFECTS_OF_WAITING_LISTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_defect_is_found(sale_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    """Begins with the play that found it before. Should the library have changed, others follow."""
    library = library_text()
    assert library.count(defect.text) == 1, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: library.replace(defect.text, defect.instead))
    with World(sale_settings) as world, pytest.raises(Disagreement):
        play_all(world, defect.play)
