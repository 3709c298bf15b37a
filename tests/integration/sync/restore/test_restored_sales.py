"""Random sales that lose Redis again and again: after each restore everything is as it was, and the play goes on.

The plays are those of the engine (tests/integration/engine/test_sales.py). The negative control stands below: with a
defect put into the restore, the same plays find it.
"""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

import sync.read_models.reservations
from engine.library import library_text
from engine.settings import Settings
from sync.restore import restore as restoring
from sync.sql import statement
from tests.support.effort import SOAKING, effort
from tests.support.engine.after_sale_state_machine import AfterSale
from tests.support.engine.code_state_machine import CodedSales
from tests.support.engine.model_play import Play
from tests.support.engine.model_vs_server import Disagreement
from tests.support.engine.slot_state_machine import SlotSales
from tests.support.engine.state_machine import Sales
from tests.support.engine.strategies import PARTITIONS, SHORT_MS
from tests.support.engine.waiting_state_machine import WaitingSales
from tests.support.repeatable_play import play_again, play_until_it_fails
from tests.support.sync.restored_world import RestoredWorld

KINDS: list[type[Play]] = effort(
    [AfterSale, SlotSales, WaitingSales], [AfterSale, SlotSales, WaitingSales, CodedSales, Sales]
)
"""The play of waiting lists has all rules of those of codes and of sales."""

RUNS = effort(2, 40)
EVERY = effort([7, 13], [2, 3, 5, 7])
"""Steps until Redis is lost."""

RUNS_TO_FIND_A_DEFECT = 40

_PATIENCE_MS = 30_000


@pytest.fixture
def sale_settings(settings: Settings, unsynced_settings: Settings) -> Settings:
    return replace(
        settings,
        redis_url=unsynced_settings.redis_url,
        partitions=PARTITIONS,
        sweep_slice=2,
        booking_expires_ms=SHORT_MS,
        command_timeout_ms=_PATIENCE_MS,
        postgres_timeout_ms=_PATIENCE_MS,
    )


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_as_it_was_and_the_play_goes_on(sale_settings: Settings, kind: type[Play]) -> None:
    with RestoredWorld(sale_settings, EVERY) as world:
        play_again(lambda: kind(world), RUNS, kind.STEPS)
    assert world.losses > effort(3, 300)


class Defect(NamedTuple):
    """A text of the library or of a statement, and what it is replaced by; and the play that is to find it."""

    name: str
    text: str
    instead: str
    kind: type[Play] = WaitingSales
    query: str = ""
    """The statement; empty: the library."""


DEFECTS = [
    Defect("who left a line is forgotten", "OR ended_at > instant($2)", "", query="restore_waiting_entries"),
    Defect("a line begins again", "math.max(number, entry.number + 1)", "number"),
    Defect("nothing is set aside for a line", "'lines', text_of(lines), 'aside', '*'", "'lines', text_of(lines)"),
    Defect(
        "kept places are for sale",
        "FROM kept_items\n  WHERE",
        "FROM kept_items\n  WHERE false AND",
        AfterSale,
        "restore_taken",
    ),
    Defect("kept places leave their code", "0, 0, 0, 0, 0, k.quantity", "0, 0, 0, 0, 0, 0", query="restore_codes"),
    Defect("savings under codes are forgotten", "i.quantity * i.off_minor", "0", query="restore_codes"),
    Defect(
        "what ended lately is forgotten",
        "r.updated_at > instant($2)",
        "(r.updated_at > instant($2) AND false)",
        AfterSale,
        "restore_records",
    ),
    Defect("purchases of slots are forgotten", "AND r.status = 'paid'", "AND false", SlotSales, "restore_visits"),
    Defect(
        "bookings are forgotten",
        "expires_at > instant($2)",
        "expires_at > instant($2) AND false",
        SlotSales,
        "restore_bookings",
    ),
    Defect("an allotment does not end", "values[11] and '1' or '0'", "'0'"),
]

FOUND_EARLY = {
    "what ended lately is forgotten",
    "kept places are for sale",
    "purchases of slots are forgotten",
    "an allotment does not end",
}
"""Others take longer: they are sought in a soak alone."""


@pytest.mark.damages_keys
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "defect", [defect for defect in DEFECTS if SOAKING or defect.name in FOUND_EARLY], ids=lambda defect: defect.name
)
def test_the_play_finds_a_defect(sale_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = statement(defect.query) if defect.query else library_text()
    assert text.count(defect.text) == 1, "it changed; choose another text to break"
    broken = text.replace(defect.text, defect.instead)
    if defect.query:
        for module in (restoring, sync.read_models.reservations):
            monkeypatch.setattr(module, "statement", lambda name: broken if name == defect.query else statement(name))
    else:
        monkeypatch.setattr("engine.library.library_text", lambda: broken)
    with RestoredWorld(sale_settings, EVERY) as world, pytest.raises(Disagreement):
        play_until_it_fails(lambda: defect.kind(world), RUNS_TO_FIND_A_DEFECT, defect.kind.STEPS)
