"""The report as a page: everything in one file, nothing from the network."""

import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure

from loadtest.drop.observations import Outcome, Told
from loadtest.drop.queue_watch import RoomSample
from loadtest.drop.report import Summary, queue_lines

_FOLDER = Path(__file__).resolve().parent
_SIZE_INCHES = (11.0, 3.4)
_COLOURS = {
    Outcome.SUCCESS: "#2c7a4b",
    Outcome.REFUSAL: "#c9a227",
    Outcome.BUSY: "#d9772b",
    Outcome.ERROR: "#b3261e",
}


def as_page(summary: Summary, told: Told, made_at: str, samples: Sequence[RoomSample] = ()) -> str:
    """HTML with the tables and plots of a rehearsal; `samples` of its waiting room."""
    template = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True).get_template("page.html")
    return template.render(
        summary=summary,
        queue=queue_lines(summary.queue) if summary.queue else [],
        made_at=made_at,
        plots=[_outcomes(told), _seconds_to_answer(told), _takings(told), *_room(told, samples)],
    )


def _outcomes(told: Told) -> tuple[str, str]:
    by_second: dict[Outcome, Counter[int]] = {outcome: Counter() for outcome in Outcome}
    for request in told.requests:
        by_second[request.outcome][_second(told, request.at_seconds)] += 1
    seconds = _range(told)
    figure, axes = _figure(told)
    axes.stackplot(
        seconds,
        [[by_second[outcome][second] for second in seconds] for outcome in Outcome],
        labels=[outcome.value for outcome in Outcome],
        colors=[_COLOURS[outcome] for outcome in Outcome],
    )
    return "Answers a second", _svg(figure, axes)


def _seconds_to_answer(told: Told) -> tuple[str, str]:
    took: defaultdict[int, list[float]] = defaultdict(list)
    for request in told.requests:
        if request.name == "hold" and request.outcome is not Outcome.ERROR:
            took[_second(told, request.at_seconds)].append(request.took_ms)
    seconds = sorted(took)
    figure, axes = _figure(told)
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        axes.plot(seconds, [sorted(took[s])[int(share * (len(took[s]) - 1))] for s in seconds], label=label)
    return "Milliseconds to hold", _svg(figure, axes)


def _takings(told: Told) -> tuple[str, str]:
    figure, axes = _figure(told)
    for name in ("hold", "pay"):
        done = sorted(
            request.at_seconds - told.opened_at_seconds
            for request in told.requests
            if request.name == name and request.outcome is Outcome.SUCCESS
        )
        axes.plot(done, range(1, len(done) + 1), label=f"{name}: given")
    return "Reservations held and paid", _svg(figure, axes)


def _room(told: Told, samples: Sequence[RoomSample]) -> list[tuple[str, str]]:
    if not samples:
        return []
    at = [sample.at_seconds for sample in samples]
    figure, axes = _figure(told)
    for name in ("joined", "serving"):
        axes.plot(at, [getattr(sample, name) for sample in samples], label=name)
    queue = "Joined, and the position that may enter", _svg(figure, axes)
    figure, axes = _figure(told)
    for name in ("inside", "idle", "free"):
        axes.plot(at, [getattr(sample, name) for sample in samples], label=name)
    return [queue, ("Customers inside, those without a place, and free places", _svg(figure, axes))]


def _second(told: Told, at_seconds: float) -> int:
    return int((at_seconds - told.opened_at_seconds) // 1)


def _range(told: Told) -> list[int]:
    at = [_second(told, request.at_seconds) for request in told.requests] or [0]
    return list(range(min(at), max(at) + 1))


def _figure(told: Told) -> tuple[Figure, Any]:
    """All plots have the same seconds, so that they can be read one under the other."""
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes: Any = figure.subplots()
    seconds = _range(told)
    axes.set_xlim(seconds[0], seconds[-1] + 1)
    axes.axvline(0, color="#888", linewidth=1, linestyle="--")
    return figure, axes


def _svg(figure: Figure, axes: Any) -> str:
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("seconds after the opening")
    axes.set_ylim(bottom=0)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
