"""Report of a rehearsal: a table for the terminal, JSON for machines, a page with plots for people. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import quantiles
from typing import Any, NamedTuple

from loadtest.drop.observations import ClientLoad, Outcome, Request, Told
from loadtest.drop.queue_verdict import QueueSummary, Waits

_FIRST_SECONDS = 30


class Row(NamedTuple):
    """Requests of one kind. Milliseconds are of all answers but errors; None without any."""

    name: str
    requests: int
    success: int
    refusal: int
    busy: int
    error: int
    p50_ms: float | None
    p99_ms: float | None
    longest_ms: float | None


class Crowd(NamedTuple):
    """The CPU use of the crowd: its process as a share of one core, its machine as one of all cores.

    `seconds_at_limit`: for how long one of them had nothing left, so that times of answers are not the server's alone.
    """

    busiest_share: float
    busiest_machine_share: float
    latest_ms: float
    seconds_at_limit: float

    @property
    def sentence(self) -> str:
        """A sentence for people, with a caution if one is due."""
        text = (
            f"The crowd's process took at most {self.busiest_share:.0%} of a core and looked at answers at most "
            f"{self.latest_ms:.0f} ms late; its machine was busy to at most {self.busiest_machine_share:.0%}."
        )
        if not self.seconds_at_limit:
            return text
        return (
            f"{text} Caution: for {self.seconds_at_limit:.1f} s one of them had nothing left, and what answers took "
            "then is not the server's doing alone. Let the crowd come from another machine, or take a smaller size."
        )


class Summary(NamedTuple):
    """A rehearsal. `first`: of the 30 seconds after the opening, in which a drop is decided."""

    size: str
    people: int
    stock: dict[str, dict[str, int]]
    sold_out_after_seconds: float | None
    rows: Sequence[Row]
    first: Sequence[Row]
    crowd: Crowd
    codes: dict[str, int]
    breaches: Sequence[str]
    queue: QueueSummary | None = None


def rows_of(requests: Iterable[Request]) -> list[Row]:
    """A row for each kind of request, and one for all."""
    kinds: defaultdict[str, list[Request]] = defaultdict(list)
    for request in requests:
        kinds[request.name].append(request)
    everything = [request for kind in kinds.values() for request in kind]
    return [_row(name, kinds[name]) for name in sorted(kinds)] + [_row("all", everything)]


def _row(name: str, requests: Sequence[Request]) -> Row:
    outcomes = Counter(request.outcome for request in requests)
    took = sorted(request.took_ms for request in requests if request.outcome is not Outcome.ERROR)
    cuts = quantiles(took, n=100, method="inclusive") if len(took) > 1 else took * 99
    return Row(
        name,
        len(requests),
        outcomes[Outcome.SUCCESS],
        outcomes[Outcome.REFUSAL],
        outcomes[Outcome.BUSY],
        outcomes[Outcome.ERROR],
        round(cuts[49], 1) if took else None,
        round(cuts[98], 1) if took else None,
        round(took[-1], 1) if took else None,
    )


def summarize(size: str, people: int, told: Told, stock: dict[str, dict[str, int]], breaches: Sequence[str]) -> Summary:
    """All that a report shows."""
    opened = told.opened_at_seconds
    first = [request for request in told.requests if opened <= request.at_seconds < opened + _FIRST_SECONDS]
    refused = [request.at_seconds - opened for request in told.requests if request.code == "sold_out"]
    codes = Counter(request.code for request in told.requests if request.code)
    return Summary(
        size,
        people,
        stock,
        round(min(refused), 2) if refused else None,
        rows_of(told.requests),
        rows_of(first),
        _crowd(told.strains),
        dict(codes.most_common()),
        breaches,
    )


def _crowd(strains: Sequence[ClientLoad]) -> Crowd:
    began = [0.0, *(strain.at_seconds for strain in strains)]
    at_limit = sum(
        strain.at_seconds - before for before, strain in zip(began, strains, strict=False) if strain.at_limit
    )
    return Crowd(
        round(max((strain.share for strain in strains), default=0.0), 3),
        round(max((strain.machine_share for strain in strains), default=0.0), 3),
        round(max((strain.late_ms for strain in strains), default=0.0), 1),
        round(at_limit, 1),
    )


def as_json(summary: Summary) -> str:
    """The report as JSON, for machines."""
    named: dict[str, Any] = {
        "rows": [row._asdict() for row in summary.rows],
        "first": [row._asdict() for row in summary.first],
        "crowd": summary.crowd._asdict(),
        "queue": summary.queue
        and {
            name: value._asdict() if isinstance(value, Waits) else value
            for name, value in summary.queue._asdict().items()
        },
        "clean": not summary.breaches,
    }
    return json.dumps(summary._asdict() | named, indent=2) + "\n"


def as_text(summary: Summary) -> str:
    """The report as text, for the terminal."""
    lines = [f"{summary.people:,} people, size {summary.size}"]
    lines += [
        f"{name}: " + ", ".join(f"{count} {word:,}" for count, word in stock.items())
        for name, stock in summary.stock.items()
    ]
    lines += queue_lines(summary.queue) if summary.queue else []
    lines += [
        "",
        "All of it:",
        *_lines(summary.rows),
        "",
        f"The first {_FIRST_SECONDS} seconds:",
        *_lines(summary.first),
        "",
    ]
    lines += [f"told {code}: {count:,}" for code, count in summary.codes.items()]
    if summary.sold_out_after_seconds is not None:
        lines.append(f"first told sold out {summary.sold_out_after_seconds:.1f} s after the opening")
    lines += ["", summary.crowd.sentence, "", *(f"BREACH {breach}" for breach in summary.breaches[:20])]
    lines.append(f"Verdict: {len(summary.breaches)} breaches." if summary.breaches else "Verdict: clean.")
    return "\n".join(lines)


def queue_lines(queue: QueueSummary) -> list[str]:
    """A sentence for each figure of the waiting room."""

    def waited(waits: Waits) -> str:
        if not waits.customers:
            return "nobody"
        return (
            f"{waits.customers:,} customers: p50 {waits.p50} s, p90 {waits.p90} s, p99 {waits.p99} s, "
            f"longest {waits.longest} s"
        )

    return [
        f"queue: {queue.joined:,} joined, {queue.cohort:,} of them in the draw, {queue.entered:,} entered, "
        f"{queue.phase} at the end",
        f"queue: at most {queue.most_inside:,} inside, {queue.max_inside:,} may be; at most "
        f"{queue.worst_promise:.2f} times the free places promised",
        f"queue: waited until they entered: {waited(queue.until_entered)}",
        f"queue: waited until it was over: {waited(queue.until_over)}",
        f"queue: told after the end: {waited(queue.told_over)}",
    ]


def _lines(rows: Sequence[Row]) -> list[str]:
    titles = ("", "requests", "success", "refusal", "busy", "error", "p50 ms", "p99 ms", "longest ms")
    cells = [titles, *([*map(_cell, row)] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(titles))]
    return [
        line[0].ljust(widths[0])
        + "".join("  " + text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))
        for line in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
