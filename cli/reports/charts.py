"""Charts of reports, drawn by matplotlib (the extra `pages`) as SVG that stands inside a page."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from cli.errors import UserError
from cli.reports.cells import digits_of, printable
from sync.read_models.report_periods import with_gaps
from sync.read_models.report_rows import Rows
from sync.read_models.reports import Answer, Chart

BARS_SHOWN = 25
"""More bars than that nobody can tell apart: the largest are shown."""

_WIDTH_INCHES, _LINE_INCHES, _BAR_INCHES, _FRAME_INCHES = 11.0, 4.0, 0.3, 1.1
_LABEL_CHARACTERS = 36


class Picture(NamedTuple):
    """A chart: its caption, and the SVG, which is empty if there is nothing to draw."""

    caption: str
    svg: str


def charts_of(answer: Answer, zone: tzinfo) -> list[Picture]:
    """The charts of a report: one, or one for each currency of money. Raises UserError without matplotlib."""
    charted = answer.charted or {"": answer.rows._replace(values=[])}
    return [_picture(answer.chart, rows, zone, currency) for currency, rows in charted.items()]


def _picture(chart: Chart, rows: Rows, zone: tzinfo, currency: str) -> Picture:
    drawn = _drawn(chart, rows)
    what = ", ".join(_series_title(column, currency) for column in chart.of)
    if not drawn.values:
        return Picture(f"{what}: there is nothing to draw yet.", "")
    if chart.kind == "line":
        return Picture(f"{what} by {chart.over}; {zone}.", _svg(chart, drawn, zone, currency))
    shown = f"the largest {len(drawn.values)} of {rows.total}" if rows.total > len(drawn.values) else "largest first"
    return Picture(f"{what}; {shown}.", _svg(chart, drawn, zone, currency))


def _drawn(chart: Chart, rows: Rows) -> Rows:
    """The rows that have something to draw: none if there is nothing in any of them."""
    places = [rows.columns.index(column) for column in chart.of]
    if not any(row[place] for row in rows.values for place in places):
        return rows._replace(values=[])
    return rows._replace(values=[row for row in rows.values if any(row[place] is not None for place in places)])


def _series_title(column: str, currency: str) -> str:
    name = column.removesuffix("_minor").replace("_", " ")
    return f"{name}, {currency}" if column.endswith("_minor") and currency else name


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Silence matplotlib's messages about fonts: a browser draws the text with its own."""
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    fonts.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="matplotlib")
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            yield
    finally:
        fonts.setLevel(level)


def _svg(chart: Chart, rows: Rows, zone: tzinfo, currency: str) -> str:
    """The picture, without anything before its `<svg>`."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  # half a second and 100 MB that only pages need
        from matplotlib.figure import Figure  # noqa: PLC0415  # loads for a second
    except ImportError as error:
        raise UserError("pages need the extra packages: pip install 'onsale[pages]'") from error
    # Names are text: `$` begins no formula, and glyphs are the browser's.
    plain_text: dict[Any, Any] = {
        "text.parse_math": False,
        "axes.formatter.use_mathtext": False,
        "svg.fonttype": "none",
    }
    with _quiet_library(), mpl.rc_context({**plain_text, "font.family": "sans-serif", "svg.hashsalt": "report"}):
        height = _LINE_INCHES if chart.kind == "line" else _FRAME_INCHES + _BAR_INCHES * len(rows.values)
        figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
        axes: Any = figure.subplots()
        if chart.kind == "line":
            _draw_line(axes, chart, rows, zone, currency)
        else:
            _draw_bars(axes, chart, rows, currency)
        axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def _figures(rows: Rows, column: str, currency: str) -> list[float]:
    scale = 10 ** digits_of(currency) if column.endswith("_minor") else 1
    return [(value or 0) / scale for value in rows.column(column)]


def _draw_bars(axes: Any, chart: Chart, rows: Rows, currency: str) -> None:
    """Lying bars, one for each row: their names have room beside them, however many of them are equal."""
    ends = [0.0] * len(rows.values)
    places = range(len(rows.values))
    for column in chart.of:
        widths = _figures(rows, column, currency)
        axes.barh(places, widths, left=ends, label=_series_title(column, currency))
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    axes.set_yticks(places, labels=labels_of(chart, rows))
    axes.set_ylim(len(rows.values) - 0.5, -0.5)
    axes.xaxis.get_major_locator().set_params(integer=not chart.of[0].endswith("_minor"))
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    axes.margins(x=0.02)
    _add_legend(axes, chart, currency)


def labels_of(chart: Chart, rows: Rows) -> list[str]:
    """A name for each row, which no other row has: `Matinee (3)`."""
    ids = [rows.columns.index(name) for name in chart.ids]
    return [
        f"{_short(str(name))} ({', '.join(_id_text(row[place]) for place in ids)})" if ids else _short(str(name))
        for name, row in zip(rows.column(chart.label), rows.values, strict=True)
    ]


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LABEL_CHARACTERS else f"{name[: _LABEL_CHARACTERS - 1]}…"


def _id_text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _draw_line(axes: Any, chart: Chart, rows: Rows, zone: tzinfo, currency: str) -> None:
    """A step for each hour or day: those without sales are at zero, not bridged."""
    from matplotlib import dates  # noqa: PLC0415  # loads for a second
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  # loads for a second

    untyped: Any = dates
    moments = sorted(set(rows.column(chart.over)))
    all_moments = with_gaps(chart.over, moments, zone)
    for column in chart.of:
        sums: dict[datetime | date, float] = dict.fromkeys(all_moments, 0.0)
        for moment, figure in zip(rows.column(chart.over), _figures(rows, column, currency), strict=True):
            sums[moment] += figure
        _draw_steps(axes, list(sums), list(sums.values()), _series_title(column, currency))
    day = chart.over == "day"
    locator = untyped.AutoDateLocator(minticks=1, maxticks=10, tz=None if day else zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, tz=None if day else zone))
    axes.yaxis.set_major_locator(MaxNLocator(integer=not chart.of[0].endswith("_minor")))
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)
    axes.set_ylim(bottom=min(0, *axes.get_ylim()))
    _add_legend(axes, chart, currency)


def _draw_steps(axes: Any, moments: Sequence[Any], figures: Sequence[float], title: str) -> None:
    """Bars while each can be seen, else a line through all of them."""
    if len(moments) <= 4 * BARS_SHOWN:
        # Dates take no part of a day: as instants they do.
        starts = [at if isinstance(at, datetime) else datetime.combine(at, time(), UTC) for at in moments]
        step = timedelta(hours=1) if isinstance(moments[0], datetime) else timedelta(days=1)
        axes.bar(starts, figures, width=step * 0.8, align="edge", label=title)
        axes.set_xlim(starts[0] - step / 2, starts[-1] + max(step, 4 * step / len(starts)) + step / 2)
    else:
        axes.plot(moments, figures, drawstyle="steps-post", label=title)


def _add_legend(axes: Any, chart: Chart, currency: str) -> None:
    if len(chart.of) > 1:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(chart.of))
    else:
        axes.set_title(_series_title(chart.of[0], currency), loc="left", fontsize="medium")
