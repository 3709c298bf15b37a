"""Cost of a hold in Redis, in time and memory, by batch size and number of live holds.

    python -m loadtest.hold_cost --live 1000 --live 1000000

It starts a Valkey of its own for each number. Time is that of the FCALLs by `INFO commandstats`, which leaves the
fsync out. The clock of a shared machine drifts, so all take turns, and the least of many rounds says more than their
median.
"""

import asyncio
import statistics
import tempfile
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from pathlib import Path
from typing import Self

import click
import msgspec

from cli.dev.embedded import EmbeddedValkey
from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id, request_digest
from engine.results.holds import Held
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus

_EVENT, _TICKET, _PLACES = 1, 7, 2
_DETAILS = '{"first_name":"Islom","last_name":"Karimov"}'
_HOLD_MS = 6 * 3600 * 1000
_SIZES = (1, 16, 64, 128)
_FILL_BATCH = 512
_HOLDS_A_ROUND, _LONE_HOLDS_A_ROUND = 1280, 100


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option(
    "--live", type=click.IntRange(min=0), multiple=True, default=(1000,), help="Live holds before the measurement."
)
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True)
def main(live: tuple[int, ...], rounds: int) -> None:
    """Prints a line for each number of live holds: µs a hold by size of batch, then bytes a live hold."""
    with tempfile.TemporaryDirectory(prefix="onsale-cost-") as name, ExitStack() as stack:
        settings = []
        for number in range(len(live)):
            folder = Path(name) / str(number)
            folder.mkdir()
            valkey = stack.enter_context(EmbeddedValkey(folder / "data", folder / "valkey.log"))
            settings.append(Settings(redis_url=valkey.url, partitions=1, command_timeout_ms=30_000))
        asyncio.run(_measure(settings, live, rounds))


async def _measure(settings: list[Settings], live: tuple[int, ...], rounds: int) -> None:
    async with AsyncExitStack() as stack:
        servers = [await _Server.open(stack, each) for each in settings]
        bytes_each = [await server.fill(wanted) for server, wanted in zip(servers, live, strict=True)]
        costs: dict[tuple[int, int], list[float]] = {}
        for _ in range(rounds):
            for size in _SIZES:
                for number, server in enumerate(servers):
                    costs.setdefault((number, size), []).append(await server.round(size))
    click.echo(f"{'live':>9}" + "".join(f"{f'batch {size}':>18}" for size in _SIZES) + "   bytes a hold")
    for number, wanted in enumerate(live):
        cells = (costs[number, size] for size in _SIZES)
        click.echo(
            f"{wanted:>9}"
            + "".join(f"{min(micros):9.2f} ~{statistics.median(micros):7.2f}" for micros in cells)
            + f"{bytes_each[number]:15.0f}"
        )
    click.echo("µs a hold: the least of all rounds ~ their median")


class _Server:
    """A server with one event, and an engine for each size of batch."""

    def __init__(self, engines: dict[int, Engine]) -> None:
        self._engines = engines
        self._keys = engines[_FILL_BATCH].keys[0]
        self._redis = engines[_FILL_BATCH].redis
        self._customers = count(1)

    @classmethod
    async def open(cls, stack: AsyncExitStack, settings: Settings) -> Self:
        engines = {
            size: await stack.enter_async_context(Engine(msgspec.structs.replace(settings, batch_commands=size)))
            for size in (*_SIZES, _FILL_BATCH)
        }
        await engines[_FILL_BATCH].init_partitions()
        await engines[_FILL_BATCH].submit(_event())
        return cls(engines)

    async def fill(self, live: int) -> float:
        """Makes holds, and returns the bytes that each takes, without the outbox."""
        await self._hold(1)
        before = await self._used_memory()
        # Nobody waits for these to be durable.
        await self._redis.execute_command("CONFIG", "SET", "appendfsync", "no")
        for there in range(0, live, _FILL_BATCH):
            await self._hold(min(_FILL_BATCH, live - there))
        await self._redis.execute_command("CONFIG", "SET", "appendfsync", "always")
        return (await self._used_memory() - before) / max(1, live)

    async def round(self, size: int) -> float:
        """µs a hold over some batches of this size."""
        batches = _HOLDS_A_ROUND // size if size > 1 else _LONE_HOLDS_A_ROUND
        before = await self._calls()
        for _ in range(batches):
            await self._hold(size)
        after = await self._calls()
        if after["calls"] - before["calls"] != batches:
            raise click.ClickException(f"{batches} batches of {size} came as {after['calls'] - before['calls']} calls")
        return (after["usec"] - before["usec"]) / (batches * size)

    async def _hold(self, size: int) -> None:
        """One batch: each hold is another customer's."""
        engine = self._engines.get(size, self._engines[_FILL_BATCH])
        commands = [
            Hold(
                new_reservation_id(_EVENT),
                _EVENT,
                f"customer-{next(self._customers)}",
                _DETAILS,
                request_digest(_DETAILS),
                items_text([(_TICKET, _PLACES)]),
            )
            for _ in range(size)
        ]
        results = await asyncio.gather(*map(engine.submit, commands))
        if not all(isinstance(result, Held) for result in results):
            raise click.ClickException("a hold was refused")

    async def _calls(self) -> dict[str, int]:
        stats: dict[str, int] = (await self._redis.info("commandstats"))["cmdstat_fcall"]
        return stats

    async def _used_memory(self) -> int:
        await self._redis.execute_command("XTRIM", self._keys.outbox, "MAXLEN", 0)
        used: int = (await self._redis.info("memory"))["used_memory"]
        return used


def _event() -> PutEvent:
    terms = Terms(EventStatus.ON_SALE, 0, 0, _HOLD_MS, 10, [TicketTerms(_TICKET, [str(_TICKET)], 30_000)])
    return PutEvent(_EVENT, terms, [PoolCapacity(str(_TICKET), 10**8)])


if __name__ == "__main__":
    main()
