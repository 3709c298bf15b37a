"""The storm in words: a table, what must be true, and a plot of goodput against load."""

from pathlib import Path

from loadtest.storm.storm import CALM, Step, Storm

_LEAST_GOODPUT = {2.0: 0.8, 4.0: 0.8, 10.0: 0.6}
_CALM_WITHIN_SECONDS = 2.0
_SLOWEST_PAYMENT_MS = 1000.0
_ALLOWED = {201, 429, 503}

_HEADINGS = ("load", "due/s", "201/s", "goodput", "p50", "p99", "p99.9 ms", "other answers", "unsent", "broken")


def table(storm: Storm) -> str:
    """One line for each load."""
    rows: list[tuple[str, ...]] = [(*_HEADINGS, "paid", "p99 ms", "MiB", "core", "µs each", "reads/s")]
    for step in storm.steps:
        load = step.load
        others = ", ".join(f"{status}: {count:,}" for status, count in sorted(load.statuses.items()) if status != 201)
        rows.append(
            (
                load.name,
                f"{load.due_per_second:,.0f}",
                f"{load.good_per_second:,.0f}",
                f"{step.goodput:.2f}",
                *(f"{value:,.0f}" for value in load.percentiles_ms()),
                others or "-",
                f"{load.unsent:,}",
                f"{load.broken:,}",
                f"{step.payments.succeeded}/{step.payments.due}",
                f"{step.payments.p99_ms:,.0f}",
                f"{step.memory_mib:,.0f}",
                f"{step.api_core:.0%}",
                f"{step.api_micros_each:,.0f}",
                f"{step.reads.per_second:,.0f}" if step.reads else "-",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def verdicts(storm: Storm) -> list[tuple[bool, str]]:
    """The required results, each with whether it holds."""
    loads = [step for step in storm.steps if step.share != CALM]
    judged = [_goodput_verdict(step) for step in loads if step.share in _LEAST_GOODPUT]
    unpaid = sum(step.payments.due - step.payments.succeeded for step in storm.steps)
    slowest = max(step.payments.p99_ms for step in storm.steps)
    strange = {status for step in storm.steps for status in step.load.statuses} - _ALLOWED
    broken = sum(step.load.broken for step in storm.steps)
    unhelpful = sum(step.load.unhelpful for step in storm.steps)
    calm = storm.steps[-1].load.normal_after_seconds()
    bad_reads = [step.reads.trouble for step in storm.steps if step.reads and step.reads.trouble]
    return [
        *judged,
        (not bad_reads, f"public reads: {bad_reads[0] if bad_reads else 'all answered'}"),
        (unpaid == 0, f"{unpaid} payments did not succeed"),
        (slowest < _SLOWEST_PAYMENT_MS, f"p99 of payments at most {slowest:,.0f} ms, below {_SLOWEST_PAYMENT_MS:,.0f}"),
        (not strange, f"answers besides {sorted(_ALLOWED)}: {sorted(strange) or 'none'}"),
        (unhelpful == 0, f"{unhelpful} refusals without Retry-After"),
        (broken == 0, f"{broken} connections broke"),
        (calm <= _CALM_WITHIN_SECONDS, f"all is normal {calm:.1f} s after the storm, {_CALM_WITHIN_SECONDS:g} at most"),
    ]


def _goodput_verdict(step: Step) -> tuple[bool, str]:
    least, goodput = _LEAST_GOODPUT[step.share], step.goodput
    return goodput >= least, f"{step.load.name}: {goodput:.2f} of the capacity, at least {least:.2f}"


def plot(storms: list[Storm], file: Path) -> None:
    """Goodput against load, a line for each variant. Needs the packages of `onsale[pages]`."""
    from matplotlib import pyplot  # noqa: PLC0415  # slow to import, and only here

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for storm in storms:
        steps = [step for step in storm.steps if step.share != CALM]
        axes.plot([step.share for step in steps], [step.goodput for step in steps], "o-", label=storm.variant)
    axes.plot([0, 1, 10], [0, 1, 1], ":", color="grey", label="ideal")
    axes.set_xlabel("arrivals, as a share of the capacity")
    axes.set_ylabel("holds sold, as a share of the capacity")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(file)
    pyplot.close(figure)
