"""Cost of customers who wait: joins, memory of each, and what their polls do to CPU and to holds of another event.

    python -m loadtest.waiting --customers 100000 --seconds 30

It starts a Valkey and `onsale serve`. All customers join over HTTP; then each polls the shared document once in ten
seconds, as it is told, evenly by the clock. Holds come from a process of their own, in turns without and beside polls.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import click
import psutil
import uvloop

from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.engine import Engine
from engine.settings import Settings
from loadtest.bench.cpu import divide_cores, on_cores, prefer, used_seconds
from loadtest.open_loop.crowd import Address, Crowd
from loadtest.streams import publish, say, start, wait_until_ready
from loadtest.watched_holds import WatchedHolds

_ROOM = "/v1/events/2/queue"
_CONNECTIONS = 512
_JOINS_PER_SECOND = 2_500
_POLL_SECONDS = 10
_TURNS = 5


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True)
@click.option("--seconds", type=click.IntRange(5, 600), default=30, show_default=True, help="Time of polls.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes of the API.")
def main(customers: int, seconds: int, workers: int) -> None:
    """Measures, and prints a line for each thing."""
    cores = divide_cores(pin=workers == 1)
    with tempfile.TemporaryDirectory(prefix="onsale-waiting-") as name, ExitStack() as stack:
        folder = Path(name)
        with on_cores(cores.rest):
            valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", folder / "valkey.log"))
        prefer(valkey.child.pid)
        settings = Settings(redis_url=valkey.url, auth="off")
        asyncio.run(publish(settings))
        port = free_port()
        with on_cores(cores.api):
            serve = ["serve", "--port", str(port), "--workers", str(workers)]
            api = start(stack, folder, "serve", serve, {"REDIS_URL": valkey.url, "AUTH": "off"})
        with on_cores(cores.rest):
            uvloop.run(_measure(settings, (api.pid, valkey.child.pid), port, customers, seconds))


def _request(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode()


async def _measure(settings: Settings, pids: tuple[int, int], port: int, customers: int, seconds: int) -> None:
    address, turn = Address(LOOPBACK, port), seconds / _TURNS
    await wait_until_ready(port)
    async with Engine(settings) as engine, WatchedHolds(port, 2 * seconds) as holds:
        memory, began = await _redis_bytes(engine), time.monotonic()
        joins = [_request("POST", f"{_ROOM}?customer_id=customer-{number}") for number in range(customers)]
        refused = 1
        while refused:  # and then all ask again; those who have joined have the same place
            refused = await _join(address, joins)
        took = time.monotonic() - began
        say("joins", f"{customers:,} in {took:.1f} s, {customers / took:,.0f} a second")
        say("memory", f"{(await _redis_bytes(engine) - memory) / customers:.0f} bytes of Redis per customer")
        say("memory", f"{psutil.Process(pids[0]).memory_info().rss >> 20} MiB of the API's first process")
        poll, per_second = _request("GET", _ROOM), customers / _POLL_SECONDS
        alone, beside, polls, used = [], [], 0, [0.0, 0.0]
        async with Crowd(address, _CONNECTIONS, lambda _: poll) as polling:
            for _ in range(_TURNS):
                alone.append(await holds.p99_ms(turn))
                before = [used_seconds(pid) for pid in pids]
                async with asyncio.TaskGroup() as tasks:
                    polled = tasks.create_task(polling.open_loop("poll", per_second, turn))
                    held = tasks.create_task(holds.p99_ms(turn))
                beside.append(held.result())
                polls += polled.result().statuses[200]
                used = [sum_ + used_seconds(pid) - was for sum_, pid, was in zip(used, pids, before, strict=True)]
    say("polls", f"{polls / seconds:,.0f} a second of {per_second:,.0f} that are due")
    say("cpu", f"API {used[0] / seconds:.0%} of a core, Redis {used[1] / seconds:.0%}")
    times = median(one / other for one, other in zip(beside, alone, strict=True))
    say("holds", f"p99 {median(beside):.1f} ms beside them, {median(alone):.1f} ms without: {times:.2f} times")


async def _join(address: Address, joins: list[bytes]) -> int:
    """Sends each once; returns how many were refused."""
    left, refused = len(joins), 0
    async with Crowd(address, _CONNECTIONS, lambda number: joins[number % len(joins)]) as joining:
        while left > 0:  # those that found no free connection come again
            joined = await joining.open_loop("join", _JOINS_PER_SECOND, max(1.0, left / _JOINS_PER_SECOND))
            if joined.statuses.keys() - {200, 201, 503}:
                raise click.ClickException(f"not all could join: {dict(joined.statuses)}")
            left -= joined.statuses.total()
            refused += joined.statuses[503]
    return refused


async def _redis_bytes(engine: Engine) -> int:
    info = await engine.redis.execute_command("INFO", "memory")
    text = (
        info
        if isinstance(info, dict)
        else dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    )
    return int(text["used_memory"])


if __name__ == "__main__":
    main()
