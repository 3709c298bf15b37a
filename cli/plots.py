"""Pictures of reports, drawn by matplotlib (the extra `pages`) as SVG that stands inside a page."""

import io
from typing import Any

from cli.complaints import Complaint
from sync.reports import Plot, Rows

_SHOWN = 25
"""More bars than that nobody can tell apart: the first ones are shown."""

_SIZE_INCHES = (11.0, 4.0)


def plot_svg(plot: Plot, rows: Rows) -> str:
    """The picture, without anything before its `<svg>`. Raises Complaint if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # half a second and 100 MB that only pages need
    except ImportError as error:
        raise Complaint("pages need the extra packages: pip install 'onsale[pages]'") from error
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes: Any = figure.subplots()
    shown = rows.values if plot.kind == "line" else rows.values[:_SHOWN]
    names = [row[rows.columns.index(plot.over)] for row in shown]
    base = [0.0] * len(names)
    for column in plot.of:
        number = rows.columns.index(column)
        scale = 100 if column.endswith("_minor") else 1
        heights = [float(row[number] or 0) / scale for row in shown]
        label = column.replace("_minor", " EUR").replace("_", " ")
        if plot.kind == "line":
            points: dict[Any, float] = {}
            for name, height in zip(names, heights, strict=True):
                points[name] = points.get(name, 0.0) + height
            axes.plot(list(points), list(points.values()), marker="o", label=label)
        else:
            axes.bar([str(name) for name in names], heights, bottom=base, label=label)
            if plot.kind == "stacked bars":
                base = [low + height for low, height in zip(base, heights, strict=True)]
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", rotation=30)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
