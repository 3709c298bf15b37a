"""CPU time of an answer in the API's process, without sockets: of this code, beside that of other trees.

    python -m loadtest.bench.in_process                       # this tree
    python -m loadtest.bench.in_process --beside ../before    # and that of another commit (`git worktree add`)

Each tree has a process with the application in it and a Valkey of its own. They take turns of a few milliseconds: in
each, every connection asks once, and all are answered. So a ratio of two trees is true on a busy machine, too. Bytes go
to the connections as the event loop gives them, and answers go nowhere. So the kernel's work for sockets is not
measured.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
import structlog
import uvloop
from aiohttp import web

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from engine.settings import Settings
from loadtest.bench.request_spec import RequestSpec
from loadtest.bench.stock import AVAILABILITY, GUARDED, PLACES, WITH_CODE, WITH_OWN_CODES, renew_redis
from loadtest.bench.venue import BEST_AVAILABLE, NAMED_SEATS

_KINDS = {
    "plain": PLACES,
    "guarded": GUARDED,
    "keyed": PLACES._replace(keyed=True),  # not of stock.py: that of another tree may lack it
    "named": NAMED_SEATS,
    "best": BEST_AVAILABLE,
    "code": WITH_CODE,
    "codes": WITH_OWN_CODES,
    "reads": AVAILABILITY,
}
_HOST = "127.0.0.1:8080"
_ANSWER_SECONDS = 30
WARM_UP_ROUNDS = 10
_PRESENT = 256
"""Customers who ask at the same time, one after another."""


class Plan(msgspec.Struct, frozen=True):
    """The kind of a worker's requests, and its connections.

    `settings`: those that are not as usual; another tree may lack others.
    """

    settings: dict[str, Any]
    kind: str
    connections: int
    rounds: int


class _Transport(asyncio.Transport):
    """A connection to nowhere: takes what is written, and counts it."""

    def __init__(self, answered: "_Answered") -> None:
        super().__init__({"peername": ("127.0.0.1", 40_000)})
        self._answered = answered

    def write(self, data: Any) -> None:
        self._answered.note(bytes(data))

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing comes while an answer is awaited."""

    def resume_reading(self) -> None:
        """As above."""

    def close(self) -> None:
        raise click.ClickException("the application closed a connection")

    def abort(self) -> None:
        self.close()


class _Answered:
    """Counts answers of one turn."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._count = wanted, 0
        self.all = asyncio.Event()
        self.trouble = b""

    def note(self, answer: bytes) -> None:
        """One more."""
        if answer[9:12] not in (b"200", b"201"):
            self.trouble = answer
        self._count += 1
        if self._count == self._wanted:
            self._count = 0
            self.all.set()


def _requests(asking: RequestSpec, number: int) -> Iterator[bytes]:
    """Requests as loadtest/bench/requests.lua makes them."""
    template, tokens = asking.template(_HOST, "in-process-"), asking.tokens("in-process-", number)
    present: list[str] = []
    for sent in range(number):
        turn, place = divmod(sent, _PRESENT * asking.times_each)
        if place == 0:
            present = list(islice(tokens, _PRESENT))
        values = [counter.first + sent * counter.step % counter.among for counter in asking.counters]
        token = [present[sent % _PRESENT]] if present else []
        customer = turn * _PRESENT + sent % _PRESENT
        yield (template % (*token, *values, customer) if asking.takes else template).encode()


def log_aside() -> None:
    """Lets what is printed be for the caller alone."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


async def _work(plan: Plan) -> None:
    log_aside()
    settings = Settings(**plan.settings)
    await renew_redis(settings)
    requests = _requests(_KINDS[plan.kind], plan.connections * (plan.rounds + WARM_UP_ROUNDS))
    await answer_turns(settings, plan.connections, requests)


async def answer_turns(settings: Settings, connections_wanted: int, requests: Iterator[bytes]) -> None:
    """Answers a turn of requests for each line that comes; prints its CPU time in seconds."""
    from api.app import create_app  # noqa: PLC0415  # of the tree that this process is for
    from cli.gc_tuning import collect_rarely  # noqa: PLC0415  # as above

    runner = web.AppRunner(create_app(settings), keepalive_timeout=75)
    await runner.setup()
    server, loop, answered = runner.server, asyncio.get_running_loop(), _Answered(connections_wanted)
    assert server is not None  # noqa: S101  # after setup
    connections = [server() for _ in range(connections_wanted)]
    for connection in connections:
        connection.connection_made(_Transport(answered))
    await asyncio.sleep(0.1)
    collect_rarely()
    click.echo("ready")
    while await loop.run_in_executor(None, sys.stdin.readline):
        texts = [next(requests) for _ in connections]
        answered.all.clear()
        began = time.process_time()
        for connection, text in zip(connections, texts, strict=True):
            connection.data_received(text)
        async with asyncio.timeout(_ANSWER_SECONDS):
            await answered.all.wait()
        if answered.trouble:
            raise click.ClickException(f"an answer was no success: {answered.trouble.decode()}")
        click.echo(time.process_time() - began)
    os._exit(0)


class Worker:
    """A process with the application of a tree, which `program` runs, and the servers that it uses."""

    def __init__(self, stack: ExitStack, tree: Path, servers: Sequence[Child], program: str, plan: Any) -> None:
        self._servers = servers
        text = msgspec.json.encode(plan).decode()
        command = [sys.executable, program, "--worker", text]
        environ = {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
        self._process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tree, env=environ)  # noqa: S603  # ours
        )
        stack.callback(self._process.kill)
        self._line()

    def turn(self) -> tuple[float, float]:
        """CPU seconds of the application, and of all its servers, for one turn."""
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        before = self._server_seconds()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line()), self._server_seconds() - before

    def _server_seconds(self) -> float:
        return sum(_scheduled_seconds(server.pid) for server in self._servers)

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException("the process with the application ended; see above")
        return line


def _scheduled_seconds(pid: int) -> float:
    """CPU seconds of the main thread of a process, to the µs."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--beside", type=click.Path(exists=True, path_type=Path), multiple=True, help="Another tree.")
@click.option(
    "--kind", type=click.Choice(list(_KINDS)), multiple=True, default=("plain", "guarded", "keyed", "named", "best")
)
@click.option("--connections", type=click.IntRange(1, 4000), default=256, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=100, show_default=True)
@click.option("--worker", hidden=True)
def main(beside: tuple[Path, ...], kind: tuple[str, ...], connections: int, rounds: int, worker: str | None) -> None:
    """Prints a line for each kind and tree: µs for an answer of the API and of Valkey, and the ratio to the first."""
    if worker:
        uvloop.run(_work(msgspec.json.decode(worker, type=Plan)))
        return
    for name in kind:
        _compare([*beside, Path.cwd()], name, connections, rounds)


def _compare(trees: list[Path], kind: str, connections: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="onsale-in-process-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=False))
        running = []
        for number, tree in enumerate(trees):
            part = folder / str(number)
            part.mkdir()
            valkey = stack.enter_context(EmbeddedValkey(part / "valkey", part / "valkey.log"))
            guarded = _KINDS[kind].issuer or Settings(auth="off")
            settings = msgspec.structs.replace(
                guarded, redis_url=valkey.url, postgres_url=postgres.ensure_database("onsale")
            )
            usual, own = msgspec.structs.asdict(Settings()), msgspec.structs.asdict(settings)
            changed = {name: value for name, value in own.items() if value != usual[name]}
            plan = Plan(changed, kind, connections, rounds)
            running.append(Worker(stack, tree, [valkey.child], __file__, plan))
        for _ in range(WARM_UP_ROUNDS):
            for one in running:
                one.turn()
        turns = [[one.turn() for one in running] for _ in range(rounds)]
        for number, tree in enumerate(trees):
            api = [turn[number][0] / connections * 1e6 for turn in turns]
            store = [turn[number][1] / connections * 1e6 for turn in turns]
            ratios = [
                statistics.median(turn[number][part] / max(turn[0][part], 1e-9) for turn in turns) for part in (0, 1)
            ]
            click.echo(
                f"{kind:8} API µs {min(api):5.1f} ~{statistics.median(api):5.1f} ({ratios[0]:.3f})   "
                f"Valkey µs {min(store):5.1f} ~{statistics.median(store):5.1f} ({ratios[1]:.3f})   {tree}"
            )


if __name__ == "__main__":
    main()
