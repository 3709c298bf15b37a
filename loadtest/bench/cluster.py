"""CPU time of a hold on clusters of one, two and three primaries beside a single server: of the API and of the nodes.

    python -m loadtest.bench.cluster

Each has a process with the application in it, as in loadtest/bench/in_process.py; they take turns of some milliseconds.
In each turn every connection holds places of one of 16 events, one of each partition. So the batches have the same size
everywhere: 16 holds with 256 connections. There are no replicas: it is about the way to the nodes.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
import uvloop

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.dev.embedded_cluster import EmbeddedCluster
from engine.catalogue import publish_event
from engine.engine import Engine
from engine.settings import Settings
from loadtest.bench.in_process import WARM_UP_ROUNDS, Worker, answer_turns, log_aside
from loadtest.bench.request_spec import Counter, RequestSpec
from loadtest.bench.stock import QUANTITY, bench_event

EVENTS = range(16, 32)
"""One of each partition."""

MOST_API_RATIO, MOST_KEYED_RATIO = 1.08, 1.25
"""The API's CPU time of a hold on a cluster, as a multiple of that on a single server.

With a key it costs more. On a single server the call that holds the places looks at it; a cluster needs another call.
"""

PLACES = RequestSpec(f'[{{"ticket_id":%d,"quantity":{QUANTITY}}}]', (Counter(EVENTS[0], 1, len(EVENTS)),))
KEYED = PLACES._replace(keyed=True)

_PRIMARIES = (1, 2, 3)
_HOST, _CUSTOMERS = "127.0.0.1:8080", "cluster-"
_TIMEOUT_SECONDS = 30


class Plan(msgspec.Struct, frozen=True):
    """The settings of a worker, its connections, and whether its holds have keys."""

    settings: Settings
    connections: int
    rounds: int
    keyed: bool


def requests(asking: RequestSpec, number: int) -> Iterator[bytes]:
    """That many holds, each of another customer."""
    template = asking.template(_HOST, _CUSTOMERS)
    for sent in range(number):
        values = [counter.first + sent * counter.step % counter.among for counter in asking.counters]
        yield (template % (*values, sent)).encode()


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--connections", type=click.IntRange(1, 4000), default=256, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=200, show_default=True)
@click.option("--worker", hidden=True)
def main(connections: int, rounds: int, worker: str | None) -> None:
    """Prints two tables: of holds without a key, and with one. Status 1 if a cluster costs the API too much."""
    if worker:
        uvloop.run(_work(msgspec.json.decode(worker, type=Plan)))
        return
    is_good = True
    for keyed, title, most in ((False, "", MOST_API_RATIO), (True, ", with a key", MOST_KEYED_RATIO)):
        for name, ratio in _compare(connections, rounds, keyed=keyed).items():
            click.echo(f"{'ok  ' if ratio <= most else 'FAIL'} {name}{title}: {ratio:.3f}, at most {most:.2f}")
            is_good = is_good and ratio <= most
    sys.exit(0 if is_good else 1)


def _compare(connections: int, rounds: int, *, keyed: bool) -> dict[str, float]:
    """The API's ratios to the single server, of the clusters."""
    with tempfile.TemporaryDirectory(prefix="onsale-cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=False))
        postgres_url = postgres.ensure_database("onsale")
        workers = {}
        for title, servers, url in _servers(stack, folder):
            settings = Settings(redis_url=url, postgres_url=postgres_url, auth="off")
            plan = Plan(settings, connections, rounds, keyed)
            workers[title] = len(servers), Worker(stack, Path.cwd(), servers, __file__, plan)
        for _ in range(WARM_UP_ROUNDS):
            for _, worker in workers.values():
                worker.turn()
        turns: dict[str, list[tuple[float, float]]] = {title: [] for title in workers}
        for _ in range(rounds):
            for title, (_, worker) in workers.items():
                turns[title].append(worker.turn())
    return _tell(turns, {title: nodes for title, (nodes, _) in workers.items()}, connections, keyed=keyed)


def _tell(
    turns: dict[str, list[tuple[float, float]]], nodes: dict[str, int], connections: int, *, keyed: bool
) -> dict[str, float]:
    """Prints a Markdown table of medians. Its last column is a projection from CPU time, not a measurement."""
    single, *clusters = turns
    click.echo(f"\nµs of CPU time for a hold {'with an Idempotency-Key' if keyed else 'without a key'}:\n")
    click.echo(
        "| | API | of single | nodes, together | one node | projection: holds/s if a core of each node is full |"
    )
    click.echo("|---|---:|---:|---:|---:|---:|")
    ratios = {}
    for title, taken in turns.items():
        api, store = (statistics.median(turn[part] for turn in taken) / connections * 1e6 for part in (0, 1))
        pairs = zip(taken, turns[single], strict=True)
        ratios[title] = statistics.median(mine[0] / single_turn[0] for mine, single_turn in pairs)
        one = store / nodes[title]
        click.echo(f"| {title} | {api:.1f} | {ratios[title]:.3f} | {store:.1f} | {one:.1f} | {1e6 / one:,.0f} |")
    return {title: ratios[title] for title in clusters}


def _servers(stack: ExitStack, folder: Path) -> Iterator[tuple[str, list[Child], str]]:
    """Starts them; the name, the processes and the URL of each."""
    single = stack.enter_context(EmbeddedValkey(folder / "single", folder / "single.log"))
    yield "single server", [single.child], single.url
    for number in _PRIMARIES:
        part = folder / f"{number}"
        part.mkdir()
        cluster = stack.enter_context(EmbeddedCluster(part / "nodes", part, number, 0))
        yield f"cluster of {number}", cluster.children, cluster.url


async def _work(plan: Plan) -> None:
    log_aside()
    await _open(plan.settings)
    asking = KEYED if plan.keyed else PLACES
    number = plan.connections * (plan.rounds + WARM_UP_ROUNDS)
    await answer_turns(plan.settings, plan.connections, requests(asking, number))


async def _open(settings: Settings) -> None:
    """Publishes the events."""
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        for event_id in EVENTS:
            event = bench_event()
            tickets = [msgspec.structs.replace(ticket, ticket_id=event_id) for ticket in event.tickets]
            await publish_event(engine, msgspec.structs.replace(event, event_id=event_id, tickets=tickets))


if __name__ == "__main__":
    main()
