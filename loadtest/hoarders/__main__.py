"""`make hoarders`, or `python -m loadtest.hoarders`."""

import statistics
import sys
import tempfile
from pathlib import Path

import click
import uvloop

from cli.dev.child_process import ChildError
from cli.errors import UserError
from loadtest.hoarders.rehearsal import rehearse
from loadtest.hoarders.stage import PLACES, stage


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--minutes", type=click.FloatRange(1, 60), default=10, help="Duration, at real pace.")
@click.option(
    "--scale",
    type=click.IntRange(1, 60),
    default=1,
    help="How many times as fast time runs: holds and all limits that have to do with time are so much shorter.",
)
@click.option("--accounts", type=click.IntRange(1, 5000), default=500, help="Accounts of the hoarders, of one address.")
@click.option("--buyers", type=click.IntRange(1, 2000), default=600, help="People who buy two places each.")
def hoarders(minutes: float, scale: int, accounts: int, buyers: int) -> None:
    """Let hoarders at the recommended settings. Status 1 if they hold over 5 % at the end, or a buyer noticed them."""
    with tempfile.TemporaryDirectory(prefix="onsale-hoarders-") as directory:
        try:
            with stage(Path(directory), scale) as running:
                result = uvloop.run(
                    rehearse(running, seconds=60 * minutes, accounts=accounts, buyers=buyers, tell=click.echo)
                )
        except ChildError as error:
            raise UserError(str(error)) from error
    seconds = result.bought.seconds
    click.echo(f"hoarders: at most {result.most} of {PLACES} places, {result.at_the_end} at the end")
    click.echo(f"  their attempts by status: {dict(sorted(result.hoarded.statuses.items()))}")
    click.echo(f"buyers: {result.bought.paid} of {result.bought.buyers} have paid; holds took")
    click.echo(f"  {statistics.median(seconds) * 1000:.0f} ms (median), {max(seconds) * 1000:.0f} ms (longest)")
    breaches = result.breaches()
    for breach in breaches[:20]:
        click.echo(f"MISSED: {breach}", err=True)
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    hoarders()
