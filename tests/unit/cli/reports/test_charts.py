"""Charts of reports: a bar for each row, largest first, and zero where nothing was sold."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from cli.reports.cells import money_text
from cli.reports.charts import charts_of, labels_of
from engine.time_zones import time_zone
from sync.read_models.report_periods import hour_of, with_gaps
from sync.read_models.report_rows import Rows
from sync.read_models.reports import REPORTS, Answer, Chart

SALES = Chart("bars", ("sold",), "name", ("event_id",))
MATINEES = Rows(["event_id", "name", "sold"], [(2, "Matinee", 5), (3, "Matinee", 4), (1, "Matinee", 3)], 3)


def chart_of(chart: Chart, rows: Rows, currency: str = "") -> tuple[str, str]:
    (picture,) = charts_of(Answer(chart, rows, {currency: rows}), UTC)
    return picture


def bars(svg: str) -> list[tuple[float, float]]:
    """Width and height of the filled shapes that are clipped to the axes: one for each bar."""
    paths = re.findall(r'<g id="patch_\d+">\s*<path d="M ([^"]*)z\s*" clip-path', svg)
    corners = [[tuple(map(float, point.split())) for point in path.split("L")] for path in paths]
    return [
        (max(x for x, _ in points) - min(x for x, _ in points), max(y for _, y in points) - min(y for _, y in points))
        for points in corners
    ]


def test_rows_of_equal_names_have_a_bar_each() -> None:
    caption, svg = chart_of(SALES, MATINEES)
    assert caption == "sold; largest first."
    widths = [width for width, _ in bars(svg)]
    assert widths == pytest.approx([widths[0], widths[0] * 4 / 5, widths[0] * 3 / 5], rel=0.01)
    assert [svg.count(f"Matinee ({event_id})</text>") for event_id in (1, 2, 3)] == [1, 1, 1]


def test_the_caption_says_how_many_are_not_drawn() -> None:
    caption, _ = chart_of(SALES, MATINEES._replace(total=95))
    assert caption == "sold; the largest 3 of 95."


def test_long_names_are_cut_and_keep_their_id() -> None:
    rows = MATINEES._replace(values=[(7, "x" * 500, 1)])
    assert labels_of(SALES, rows) == [f"{'x' * 35}… (7)"]


@pytest.mark.parametrize("values", [[], [(1, "Matinee", 0)], [(1, "Matinee", None)]])
def test_nothing_to_draw_is_said_in_words(values: list[tuple[object, ...]]) -> None:
    assert chart_of(SALES, MATINEES._replace(values=values)) == ("sold: there is nothing to draw yet.", "")


def test_each_currency_has_a_chart_in_its_own_units() -> None:
    columns = ["ticket_type", "revenue_minor", "currency"]
    euro, yen = Rows(columns, [("VIP", 3000, "EUR")], 1), Rows(columns, [("VIP", 3000, "JPY")], 1)
    first, second = charts_of(Answer(REPORTS["types"].chart, euro, {"EUR": euro, "JPY": yen}), UTC)
    assert (first.caption, second.caption) == ("revenue, EUR; largest first.", "revenue, JPY; largest first.")
    assert ("3000</text>" in first.svg, "3000</text>" in second.svg) == (False, True)


def test_hours_and_days_without_sales_are_there() -> None:
    first = datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert with_gaps("hour", [first, first + timedelta(hours=3)], UTC) == [first + timedelta(hours=n) for n in range(4)]
    assert with_gaps("day", [date(2026, 1, 1), date(2026, 1, 3)], UTC) == [date(2026, 1, day) for day in (1, 2, 3)]


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"])
def test_every_quarter_of_an_hour_of_a_year_is_in_an_hour_that_is_drawn(zone: str) -> None:
    clocks, first = time_zone(zone), datetime(2026, 1, 1, tzinfo=UTC)
    hours = {hour_of(first + timedelta(minutes=15 * number), clocks) for number in range(4 * 24 * 365)}
    assert hours == set(with_gaps("hour", sorted(hours), clocks))


HOUR, DAY = datetime(2026, 1, 1, 10, tzinfo=UTC), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hours", [(HOUR, 3, "EUR"), (HOUR + timedelta(hours=3), 4, "EUR")]),
        ("revenue", [(DAY, 3, "EUR"), (DAY + timedelta(days=3), 4, "EUR")]),
    ],
)
def test_a_gap_is_drawn_as_zero(name: str, values: list[tuple[object, ...]]) -> None:
    chart = REPORTS[name].chart
    _, svg = chart_of(chart, Rows([chart.over, chart.of[0], "currency"], values, 2), "EUR")
    (first, between, after, last) = bars(svg)
    assert [between[1], after[1]] == [0, 0]
    assert first[1] == pytest.approx(last[1] * 3 / 4, rel=0.01)
    assert first[0] > 50


def test_hours_of_many_events_are_added_up() -> None:
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    rows = Rows(["hour", "event_id", "places"], [(at, 1, 300), (at, 2, 400)], 2)
    _, svg = chart_of(REPORTS["hours"].chart, rows)
    one_event = rows._replace(values=[(at, 1, 700)], total=1)
    assert len(bars(svg)) == 1
    assert svg == chart_of(REPORTS["hours"].chart, one_event)[1]


def test_money_has_the_digits_of_its_currency() -> None:
    cases = [(5, "EUR"), (-5, "EUR"), (123456, "EUR"), (-150, "EUR"), (3000, "JPY"), (3000, "KWD"), (5, None)]
    texts = ["0.05", "-0.05", "1234.56", "-1.50", "3000", "3.000", "0.05"]
    assert [money_text(minor, currency) for minor, currency in cases] == texts
