"""Machine instructions that Redis executes for a hold: the same on a busy machine as on an idle one.

    python -m loadtest.hold_instructions --batch 64 --batch 128
    python -m loadtest.hold_instructions --of "one code" --of "own codes"

Callgrind counts them; Valgrind must be installed. Calls of the Lua library are counted, and all that they call. Reading
the command and writing the file are not. Waits for a processor or for memory are not in the figure. So it compares two
versions of the library, not two machines.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from cli.dev.embedded import EmbeddedValkey
from cli.errors import UserError
from engine.engine import Engine
from engine.redis_keys import PartitionKeys, partition_of
from engine.settings import Settings
from loadtest.bench.lua_cost import hold_in_one_call
from loadtest.bench.stock import CODES, WITH_CODE, WITH_OWN_CODES, bench_event, renew_redis

_WARM_UP_CALLS, _CALLS = 20, 40
_COUNTED = re.compile(r"^ *([\d,]+) .*:fcallCommand", re.MULTILINE)
_PROGRAMS = ("valgrind", "callgrind_control", "callgrind_annotate")
_CODE_OF: dict[str, Callable[[int], str]] = {
    "plain": lambda _: "",
    "one code": lambda _: WITH_CODE.code,
    "own codes": lambda number: WITH_OWN_CODES.code % (number % CODES),
}
"""Kinds of holds: the code that each names, by its number."""


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--batch", type=click.IntRange(1, 1024), multiple=True, default=(64,), help="Holds in a call.")
@click.option(
    "--of", "kinds", type=click.Choice(list(_CODE_OF)), multiple=True, default=("plain",), help="Their codes."
)
def main(batch: tuple[int, ...], kinds: tuple[str, ...]) -> None:
    """Prints a line for each kind of hold and size of batch."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        raise UserError(f"{missing[0]} is not there; install valgrind")
    for kind in kinds:
        for size in batch:
            with tempfile.TemporaryDirectory(prefix="onsale-instructions-") as name:
                counted = _instructions(Path(name), kind, size)
            click.echo(f"{counted:9,.0f} instructions a hold ({kind}), in batches of {size}")


def _instructions(folder: Path, kind: str, size: int) -> float:
    counts = folder / "counts"
    callgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={counts}"]
    with EmbeddedValkey(folder / "data", folder / "valkey.log", under=callgrind) as valkey:
        settings = Settings(redis_url=valkey.url, partitions=1, command_timeout_ms=60_000)
        asyncio.run(renew_redis(settings))
        asyncio.run(_count(settings, kind, size, valkey.child.pid))
        # Numbered from 1: the counts of the whole run follow at its end, without a number.
        report = _run("callgrind_annotate", "--inclusive=yes", f"{counts}.1")
    found = _COUNTED.search(report)
    if found is None:
        raise UserError("callgrind counted no call of a function; see whether the server has symbols")
    return int(found[1].replace(",", "")) / (_CALLS * size)


async def _count(settings: Settings, kind: str, size: int, pid: int) -> None:
    event, code_of = bench_event(), _CODE_OF[kind]
    keys = PartitionKeys(partition_of(event.event_id, settings.partitions))
    async with Engine(settings) as engine:
        for call in range(_WARM_UP_CALLS + _CALLS):
            if call == _WARM_UP_CALLS:
                await asyncio.to_thread(_run, "callgrind_control", "--instr=on", str(pid))
            customers = [f"counted-{call}-{place}" for place in range(size)]
            codes = [code_of(call * size + place) for place in range(size)]
            await hold_in_one_call(engine.redis, settings, keys, customers, codes)
        await asyncio.to_thread(_run, "callgrind_control", "--instr=off", str(pid))
        await asyncio.to_thread(_run, "callgrind_control", "--dump", str(pid))


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own arguments
    if done.returncode != 0:
        raise UserError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
