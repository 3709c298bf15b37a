"""`make storm`, or `python -m loadtest.storm`."""

import sys
import tempfile
from pathlib import Path

import click
import msgspec
import uvloop

from cli.dev.child_process import ChildError
from cli.errors import UserError
from loadtest.bench.cpu import divide_cores, on_cores
from loadtest.bench.machine import describe_machine
from loadtest.storm.report import plot, table, verdicts
from loadtest.storm.stage import VARIANTS, stage
from loadtest.storm.storm import Plan, Storm, rage

_NAMES = [variant.name for variant in VARIANTS]
_QUICK = Plan(loads=(0.5, 2, 4), seconds=3, capacity_seconds=1)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--variant", "names", type=click.Choice([*_NAMES, "all"]), multiple=True, default=["plain"])
@click.option("--seconds", type=click.FloatRange(1, 600), default=10, help="Duration of each load.")
@click.option("--connections", type=click.IntRange(1, 30_000), default=10_000, help="Kept-alive connections.")
@click.option("--loads", default="0.5,0.9,1.5,2,4,10", help="Shares of the capacity.")
@click.option("--reads", type=click.FloatRange(0), default=0, help="Additional public reads a second.")
@click.option("--pin/--no-pin", default=True, help="Give the API a core of its own.")
@click.option("--quick", is_flag=True, help="A short run, to check that it works.")
@click.option(
    "--plot",
    "plot_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for a plot of goodput against load.",
)
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), help="Folder for the logs of the processes.")
def storm(
    names: tuple[str, ...],
    seconds: float,
    connections: int,
    loads: str,
    reads: float,
    pin: bool,
    quick: bool,
    plot_file: Path | None,
    logs: Path | None,
) -> None:
    """Sell at loads far beyond the capacity. Status 1 if a required result is missed."""
    plan = Plan(
        loads=tuple(float(load) for load in loads.split(",")),
        seconds=seconds,
        connections=connections,
        reads_per_second=reads,
    )
    if quick:
        plan = msgspec.structs.replace(_QUICK, connections=connections, reads_per_second=reads)
    cores = divide_cores(pin=pin)
    storms: list[Storm] = []
    good = True
    with tempfile.TemporaryDirectory(prefix="onsale-storm-") as temporary:
        directory = logs or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        click.echo(describe_machine(directory))
        for variant in VARIANTS:
            if variant.name not in names and "all" not in names:
                continue
            with stage(directory / variant.name, cores, variant) as running, on_cores(cores.rest):
                done = uvloop.run(rage(running, plan, lambda line: click.echo(line, err=True)))
            storms.append(done)
            judged = verdicts(done)
            click.echo(f"\n{variant.name}: {variant.what}; capacity {done.capacity:,.0f}/s\n{table(done)}\n")
            for holds, sentence in judged:
                click.echo(f"{'ok  ' if holds else 'FAIL'} {sentence}")
            good = good and all(holds for holds, _ in judged)
    if plot_file is not None:
        plot(storms, plot_file)
    sys.exit(0 if good else 1)


def main() -> None:
    """Run the command; a user error prints one sentence."""
    try:
        storm(prog_name="storm")
    except (UserError, ChildError) as error:
        click.echo(f"storm: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
