"""Cost of tracing: CPU time of the API for a hold over HTTP, with traces off and on, in turns.

    python -m loadtest.tracing_cost

It starts its own Valkey and Postgres, two API processes that differ only in ONSALE_TRACES_URL, and a collector that
discards spans. Each round holds as often on one as on the other, and several pairs of processes are compared. CPU time
is that of all threads of a process: that of the exporter counts, also between its turns. `--null` tells the error.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import aiohttp
import click
import msgspec
from aiohttp import web

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.migrate import migrate_database
from cli.ports import LOOPBACK, free_port
from engine.settings import PREFIX

_READY_SECONDS = 60
_EVENT = {
    "name": "Traced",
    "starts_at": "2100-01-01T18:00:00Z",
    "status": "on_sale",
    "hold_seconds": 86_400,
    "tickets": [{"ticket_type": "Regular", "price": {"amount": 5000, "currency": "EUR"}, "capacity": 10_000_000}],
}
_CUSTOMERS = count(1)
_HEAD = (
    b"POST /v1/reservations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
_Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Collector:
    """Takes spans over OTLP, and counts the requests that bring them."""

    def __init__(self) -> None:
        self.requests = 0

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.requests += 1
        return web.Response()


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--pairs", type=click.IntRange(min=1), default=6, show_default=True, help="Pairs of processes.")
@click.option("--rounds", type=click.IntRange(min=1), default=80, show_default=True, help="Rounds of a pair.")
@click.option("--holds", type=click.IntRange(min=1), default=250, show_default=True, help="Holds of a round, on each.")
@click.option("--connections", type=click.IntRange(min=1), default=128, show_default=True)
@click.option(
    "--one-in", type=click.IntRange(min=1), default=100, show_default=True, help="Of that many, one is traced."
)
@click.option("--null", is_flag=True, help="Both without traces: the error of the method.")
def main(pairs: int, rounds: int, holds: int, connections: int, one_in: int, null: bool) -> None:
    """Prints µs of CPU time a hold, off and on, and their ratio."""
    collector_port = free_port()
    with tempfile.TemporaryDirectory(prefix="onsale-tracing-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", folder / "valkey.log"))
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=False))
        postgres_url = postgres.ensure_database("onsale")
        migrate_database(postgres_url)
        shared = {f"{PREFIX}REDIS_URL": valkey.url, f"{PREFIX}POSTGRES_URL": postgres_url, "PYTHONHASHSEED": "0"}
        traced = {
            f"{PREFIX}TRACES_URL": f"http://{LOOPBACK}:{collector_port}/v1/traces",
            f"{PREFIX}TRACES_ONE_IN": str(one_in),
        }
        results = []
        for pair in range(pairs):
            # Two processes of the same program differ, too: by their memory and by the core that they run on.
            with ExitStack() as processes:
                ports, children = {}, {}
                for kind in ("off", "on") if pair % 2 else ("on", "off"):
                    ports[kind] = free_port()
                    variables = shared | (traced if kind == "on" and not null else {})
                    children[kind] = processes.enter_context(_api(f"{kind}-{pair}", ports[kind], folder, variables))
                result = asyncio.run(_measure(children, ports, collector_port, rounds, holds, connections))
            ratio = result.on / result.off
            click.echo(f"pair {pair + 1}: off {result.off:.1f}, on {result.on:.1f} µs a hold, ratio {ratio:.3f}")
            results.append(result)
    ratios = [result.on / result.off for result in results]
    whole = sum(result.on for result in results) / sum(result.off for result in results)
    click.echo(f"on / off: median of the pairs {statistics.median(ratios):.3f}, of all CPU time {whole:.3f}")


class _Result(NamedTuple):
    """µs of CPU time a hold, all of a process in the time of the measurement."""

    off: float
    on: float


@contextmanager
def _api(kind: str, port: int, folder: Path, variables: dict[str, str]) -> Iterator[Child]:
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port), "--auth", "off"]
    child = Child(f"api-{kind}", command, folder / f"{kind}.log", environ=os.environ | variables)
    child.start()
    try:
        yield child
    finally:
        child.stop()


async def _measure(
    children: dict[str, Child], ports: dict[str, int], collector_port: int, rounds: int, holds: int, connections: int
) -> _Result:
    collector = _Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, collector_port).start()
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        for port in ports.values():
            await _wait_until_ready(session, port)
        async with session.post(f"http://{LOOPBACK}:{ports['off']}/v1/events", json=_EVENT) as response:
            ticket_id = (await response.json())["tickets"][0]["id"]
        lines = {
            kind: [await stack.enter_async_context(_line(port)) for _ in range(connections)]
            for kind, port in ports.items()
        }
        spent = {"off": 0.0, "on": 0.0}
        for number in range(-1, rounds):
            if number == 0:  # the first round warmed both
                spent = {kind: -_cpu_seconds(child.pid) for kind, child in children.items()}
            for kind in ("off", "on") if number % 2 else ("on", "off"):
                await _hold(lines[kind], ticket_id, holds)
        spent = {kind: spent[kind] + _cpu_seconds(child.pid) for kind, child in children.items()}
    await runner.cleanup()
    return _Result(*(spent[kind] / (rounds * holds) * 1e6 for kind in ("off", "on")))


async def _wait_until_ready(session: aiohttp.ClientSession, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        if time.monotonic() > deadline:
            raise click.ClickException("the API does not start")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _line(port: int) -> AsyncIterator[_Line]:
    """A connection. An HTTP client would take longer than the server, whose batches would be small."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _hold(lines: list[_Line], ticket_id: int, holds: int) -> None:
    """That many holds on these connections, each of another customer."""
    left = iter(range(holds))

    async def customer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in left:
            order = {"items": [{"ticket_id": ticket_id, "quantity": 2}], "customer": {"id": f"c{next(_CUSTOMERS)}"}}
            body = msgspec.json.encode(order)
            writer.write(_HEAD % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            content = await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
            if not head.startswith(b"HTTP/1.1 201 "):
                raise click.ClickException(content.decode())

    await asyncio.gather(*(customer(*line) for line in lines))


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of all threads of a process and its descendants, in ns as the scheduler counts them (Linux)."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent += int((task / "schedstat").read_text(encoding="utf-8").split()[0])
        children = (task / "children").read_text(encoding="utf-8").split()
        spent += round(sum(_cpu_seconds(int(child)) for child in children) * 1e9)
    return spent / 1e9


if __name__ == "__main__":
    main()
