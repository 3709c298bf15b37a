"""`make bench`, or `python -m loadtest.bench`."""

import sys
import tempfile
from pathlib import Path

import click

from cli.dev.child_process import ChildError
from cli.errors import UserError
from loadtest.bench.cpu import divide_cores, on_cores
from loadtest.bench.lua_cost import lua_micros_per_hold
from loadtest.bench.machine import describe_machine
from loadtest.bench.report import LUA_BATCH, table, verdicts
from loadtest.bench.rounds import Plan, run_rounds, share_of_others
from loadtest.bench.variants import OURS, OURS_CODE, OURS_CODES, variants
from loadtest.bench.wrk import find_wrk

_LUA_HOLDS = 6_400
_QUIET = 0.05
_QUICK_ROUNDS, _QUICK_SECONDS = 2, 1


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--rounds", type=click.IntRange(1, 100), default=5, help="Measurements of each variant.")
@click.option("--seconds", type=click.IntRange(1, 60), default=3, help="Seconds of each measurement.")
@click.option("--connections", type=click.IntRange(1, 10_000), default=256, help="Kept-alive connections.")
@click.option("--pin/--no-pin", default=True, help="Give the API a core of its own.")
@click.option("--quick", is_flag=True, help=f"{_QUICK_ROUNDS} rounds of {_QUICK_SECONDS} s, to check that it works.")
@click.option("--codes", is_flag=True, help="Measure only holds with and without codes.")
def bench(rounds: int, seconds: int, connections: int, pin: bool, quick: bool, codes: bool) -> None:
    """Measure holds and reads over HTTP beside handlers that do nothing. Status 1 if any is too slow or had errors."""
    only = frozenset({OURS, OURS_CODE, OURS_CODES}) if codes else frozenset()
    if quick:
        rounds, seconds = _QUICK_ROUNDS, _QUICK_SECONDS
    cores = divide_cores(pin=pin)
    with (
        tempfile.TemporaryDirectory(prefix="onsale-bench-") as directory,
        variants(Path(directory), cores, only) as stage,
    ):
        click.echo(describe_machine(Path(directory)))
        placed = f"the API on core {min(cores.api)}, the rest on the others" if cores.api else "processes not pinned"
        click.echo(
            f"{rounds} rounds of {seconds} s, {connections} connections, one worker, appendfsync always; {placed}"
        )
        plan = Plan(stage.settings, cores, rounds, seconds, connections)
        measured = run_rounds(stage.variants, plan, lambda line: click.echo(line, err=True))
        with on_cores(cores.api):  # the client has a core of its own, as when the API serves
            lua_micros = lua_micros_per_hold(stage.settings, LUA_BATCH, _LUA_HOLDS)
        click.echo(f"\n{table(stage.variants, measured)}\n")
    others = share_of_others(measured)
    if others > _QUIET:
        click.echo(f"note {others:.0%} of the cores were used by other programs: run it again on a quiet machine")
    judged = verdicts(stage.variants, measured, lua_micros)
    for holds, sentence in judged:
        click.echo(f"{'ok  ' if holds else 'FAIL'} {sentence}")
    sys.exit(0 if all(holds for holds, _ in judged) else 1)


def main() -> None:
    """Run the command; a user error prints one sentence."""
    try:
        find_wrk()
        bench(prog_name="bench")
    except (UserError, ChildError) as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
