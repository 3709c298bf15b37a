"""The figures of a rehearsal, and when its people come."""

import json

import msgspec
import pytest

from loadtest.drop.live import LiveStock, Look, figures
from loadtest.drop.observations import ClientLoad, ObservedReservation, Outcome, Request, Told, outcome_of
from loadtest.drop.page import as_page
from loadtest.drop.report import as_json, as_text, summarize
from loadtest.drop.sizes import SIZES

TOLD = Told(
    10.0,
    [
        Request(9.0, "availability", Outcome.SUCCESS, "", 1.0),
        Request(10.5, "hold", Outcome.SUCCESS, "", 4.0),
        Request(11.0, "hold", Outcome.REFUSAL, "sold_out", 2.0),
        Request(12.0, "hold", Outcome.BUSY, "unavailable", 3.0),
        Request(41.0, "hold", Outcome.ERROR, "", 20_000.0),
    ],
    [],
    [],
    [ClientLoad(10.0, 0.4, 0.6, 3.0), ClientLoad(11.0, 0.95, 0.7, 40.0), ClientLoad(12.0, 0.5, 0.99, 8.0)],
)


@pytest.mark.parametrize(
    ("status", "code", "retry_after", "outcome"),
    [
        (201, None, False, Outcome.SUCCESS),
        (409, "sold_out", False, Outcome.REFUSAL),
        (402, "card_declined", False, Outcome.REFUSAL),
        (503, "unavailable", True, Outcome.BUSY),
        (503, "unavailable", False, Outcome.ERROR),
        (422, "invalid", False, Outcome.ERROR),
        (500, "internal", False, Outcome.ERROR),
        (0, None, False, Outcome.ERROR),
    ],
)
def test_successes_refusals_and_errors_are_distinguished(
    status: int, code: str | None, retry_after: bool, outcome: Outcome
) -> None:
    assert outcome_of(status, code, retry_after=retry_after) is outcome


def test_the_first_seconds_are_reported_on_their_own() -> None:
    summary = summarize("tiny", 3, TOLD, {"general": {"capacity": 1, "sold": 1}}, [])
    hold = next(row for row in summary.rows if row.name == "hold")
    assert (hold.requests, hold.success, hold.refusal, hold.busy, hold.error) == (4, 1, 1, 1, 1)
    assert hold.longest_ms == 4.0, "an error says nothing about how long an answer takes"
    (first_hold, first_all) = summary.first
    assert (first_hold.requests, first_hold.error, first_all.requests) == (3, 0, 3)
    assert summary.sold_out_after_seconds == 1.0


@pytest.mark.parametrize(("breaches", "verdict"), [([], "Verdict: clean."), (["seat 1"], "Verdict: 1 breaches.")])
def test_every_form_has_the_verdict(breaches: list[str], verdict: str) -> None:
    summary = summarize("tiny", 3, TOLD, {"general": {"capacity": 1, "sold": 1}}, breaches)
    assert as_text(summary).endswith(verdict)
    assert json.loads(as_json(summary))["clean"] == (not breaches)
    page = as_page(summary, TOLD, "now")
    assert page.count("<svg") == 3
    assert ("seat 1" in page) is bool(breaches)


def test_the_crowd_tells_where_figures_are_its_own() -> None:
    summary = summarize("tiny", 3, TOLD, {}, [])
    assert summary.crowd == (0.95, 0.99, 40.0, 2.0)
    unstrained = msgspec.structs.replace(TOLD, strains=TOLD.strains[:1])
    for told, cautioned in ((TOLD, True), (unstrained, False)):
        summary = summarize("tiny", 3, told, {}, [])
        assert ("Caution" in as_text(summary)) is cautioned
        assert ("Caution" in as_page(summary, told, "now")) is cautioned
        assert (json.loads(as_json(summary))["crowd"]["seconds_at_limit"] > 0) is cautioned


def test_people_come_by_the_clock_alone() -> None:
    for size in SIZES.values():
        arrivals = [size.arrived(tenth / 10) for tenth in range(10 * size.longest)]
        assert arrivals == sorted(arrivals)
        assert arrivals[-1] == size.buyers
        before, after = size.arrived(size.opens_after - 0.1), size.arrived(size.opens_after + size.burst)
        assert after - before > size.buyers / 2, "most come within seconds of the opening"


def test_the_page_shows_the_drop_while_it_runs() -> None:
    live = LiveStock()
    live.see(Look([{"ticket_id": 7, "capacity": 3, "available": 1, "held": 1, "sold": 1}], 0.5, []))
    shown = {row["name"]: row["figure"] for row in figures(live)}
    assert (shown["Stock: sold"], shown["Verdict so far"]) == ("1 of 3", "clean")
    assert list(shown) == sorted(shown), "as Locust sorts them"
    live.see(live.look._replace(observed=[ObservedReservation("1-a", 1, 7, 4, [], "paid")]))
    assert "4 places were sold" in figures(live)[-1]["figure"]
