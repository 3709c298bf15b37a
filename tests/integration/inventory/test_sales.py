"""Hypothesis plays random sales against the pure model and a real server; they agree after every step.

The negative control stands below: with a defect put into the library, the same play finds it.
"""

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from engine.library import library_text
from engine.settings import Settings
from tests.integration.inventory.machine import Sales
from tests.integration.inventory.play import Play
from tests.integration.inventory.slot_machine import SlotSales
from tests.integration.inventory.wishes import PARTITIONS, SHORT_MS
from tests.integration.inventory.world import Disagreement, World

RUNS: dict[type[Play], int] = {Sales: 200, SlotSales: 100}
STEPS = 60

# Small, so that more is due than one call gives back.
_SWEEP_SLICE = 2


def play(kind: type[Play], world: World, phases: tuple[Phase, ...], times: int = 1) -> None:
    """Plays the same runs every time. A failure tells all commands of its run, and the blob that repeats it."""
    run_state_machine_as_test(
        lambda: kind(world),  # type: ignore[arg-type]  # anything that makes a machine will do
        settings=settings(
            max_examples=times * RUNS[kind],
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            print_blob=True,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def sale_settings(unsynced_settings: Settings) -> Settings:
    return replace(unsynced_settings, partitions=PARTITIONS, sweep_slice=_SWEEP_SLICE, booking_expires_ms=SHORT_MS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", RUNS)
def test_server_and_model_agree_after_every_step(sale_settings: Settings, kind: type[Play]) -> None:
    with World(sale_settings) as world:
        play(kind, world, (Phase.generate, Phase.shrink))


class Defect(NamedTuple):
    """A line of the library, and what it is replaced by; and the play that is to find it."""

    name: str
    text: str
    instead: str
    kind: type[Play] = Sales


DEFECTS = [
    Defect("nothing is given back", "  unit_move(u, r.event, r.lines, from, 'available')\n  unit_add", "  unit_add"),
    Defect(
        "a customer's places are forgotten", "unit_add_customer_places(u, r.event, r.customer, -record_places(r))", ""
    ),
    Defect("one place too many for a customer", "taken + places > terms.max", "taken + places > 1 + terms.max"),
    Defect("lines of one pool are judged apart", "wanted = wanted + lines[j][LINE_QUANTITY]", ""),
    Defect("capacity falls below what is taken", "wanted[2] < taken", "false"),
    Defect("late money takes what others have", " and not unit_short_line(u, r.event, r.lines) then", " then"),
    Defect(
        "late money takes nothing", "if from then\n    unit_move(u, r.event, r.lines, from, 'sold')", "if from then"
    ),
    Defect(
        "a deadline comes a millisecond early",
        "string.format('%.0f', u.now_ms), 'LIMIT'",
        "string.format('%.0f', u.now_ms + 1), 'LIMIT'",
    ),
    Defect("an id may be reused for another request", "before.digest ~= digest", "false"),
    Defect("a failed payment revives what ran out", "local due = u.now_ms >= r.deadline_ms", "local due = false"),
    Defect("who gives up keeps the places", "(due or command[5])", "due"),
    Defect("what is paid for runs out", "table.insert(from_deadlines, r.rid)", ""),
    Defect("restocking is forgotten", "if restock then", "if false then"),
    Defect("a fact is not told", "unit_fact(u, 'paying', r)", ""),
    Defect("blocked seats stay in the capacity", "blocked and -#seats or #seats", "blocked and 0 or #seats"),
    Defect("a cart may exceed the limit", "if places > 0 and taken + places > terms.max_per_customer", "if false"),
    Defect("a lone seat is left", "if last - first + 1 ~= n + 1 then", "if true then"),
    Defect("a removed seat is not given back", "SEAT_OF[from]) > 0 then", "SEAT_OF[from]) > 0 or from == 'held' then"),
    Defect(
        "sold out is said too early",
        "return u.backlog and reply('again') or reply('sold_out'",
        "return reply('sold_out'",
    ),
]

DEFECTS_OF_SLOTS = [
    Defect("a slot has a place too many", "if pool.available == 0 then", "if false then"),
    Defect("a slot is booked after it began", "u.now_ms >= start_ms then\n    return reply('slot_past')", "false then"),
    Defect("a move keeps the old place", "    free_place(u, b)\n    b.start_ms", "    b.start_ms"),
    Defect(
        "a refused move frees the old place",
        "    if refusal then\n      return refusal\n    end\n    free_place(u, b)\n",
        "    free_place(u, b)\n    if refusal then\n      return refusal\n    end\n",
    ),
    Defect(
        "a refused move changes the names",
        "local terms = unit_terms(u, b.event) or",
        "b.details = details\n    unit_change_booking(u, 'moved', b)\n    local terms = unit_terms(u, b.event) or",
    ),
    Defect("a move is not told", "unit_change_booking(u, 'moved', b)", "u.changed_bookings[b.field] = b"),
    Defect("a booking does not expire", "u.now_ms >= b.expires_ms then", "false then"),
    Defect("who deletes a booking twice is told so", "before.request_id == request_id", "true"),
    Defect("a deleted booking keeps its place", "  free_place(u, b)\n  b.state", "  b.state"),
    Defect("a purge takes what is held or paid for", "pool.held + pool.paying > 0", "false"),
    Defect("a purge keeps the places", "  free_place(u, b)\n  u.bookings", "  u.bookings"),
    Defect(
        "bought places of what was purged count on",
        "unit_add_customer_places(u, tonumber(event), customer, -tonumber(places))",
        "",
    ),
    Defect("a refund after the purge counts twice", "places = places - count", ""),
    Defect("late money buys what has begun", "not record_is_past(u, r) and ", ""),
    Defect("slots that are there keep their capacity", "and later_slots(u, event) or {}", "and {} or {}"),
]


@pytest.mark.damages_keys
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "defect",
    [*DEFECTS, *(defect._replace(kind=SlotSales) for defect in DEFECTS_OF_SLOTS)],
    ids=lambda defect: defect.name.replace(" ", "-"),
)
def test_defect_is_found(sale_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert defect.text in text, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with World(sale_settings) as world:
        # Some defects show only at an instant that a busy machine misses: it has more tries.
        with pytest.raises((Disagreement, Flaky)):
            play(defect.kind, world, (Phase.generate,), times=5)
        assert world.disagreements
