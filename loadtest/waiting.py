"""Cost of customers who wait: joins, memory of each, and what their polls do to CPU and to holds of another event.

    python -m loadtest.waiting --customers 100000 --seconds 30

It starts a Valkey and `onsale serve`. All customers join over HTTP; then each polls the shared document once in ten
seconds, as it is told. The requests come by few connections, several at once, so that they cost this process little.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import click
import psutil

from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.engine import Engine
from engine.settings import Settings
from loadtest.streams import answers, hold_for, p99, publish, say, start, until

_ROOM = "/v1/events/2/queue"
_CONNECTIONS, _AT_ONCE = 16, 8
_POLL_SECONDS = 10
_KIB = 1024


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=30, show_default=True, help="Time of polls.")
def main(customers: int, seconds: int) -> None:
    """Measures, and prints a line for each thing."""
    with tempfile.TemporaryDirectory(prefix="onsale-waiting-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", folder / "valkey.log"))
        settings = Settings(redis_url=valkey.url, auth="off")
        asyncio.run(publish(settings))
        port = free_port()
        api = start(stack, folder, "serve", ["serve", "--port", str(port)], {"REDIS_URL": valkey.url, "AUTH": "off"})
        processes = psutil.Process(api.pid), psutil.Process(valkey.child.pid)
        asyncio.run(_measure(settings, processes, port, customers, seconds))


class Client:
    """A connection that sends some requests at once, and reads until each is answered."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ask(self, requests: list[bytes]) -> None:
        """Sends them; raises ValueError for an answer that is not a success."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        for first in range(0, len(requests), _AT_ONCE):
            some = requests[first : first + _AT_ONCE]
            writer.write(b"".join(some))
            for _ in some:
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 20" not in head[:15]:
                    raise ValueError(head.decode())
                length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()


def _request(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode()


async def _measure(
    settings: Settings, processes: tuple[psutil.Process, psutil.Process], port: int, customers: int, seconds: int
) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session, Engine(settings) as engine:
        await until(lambda: answers(session, port), "the API is ready")
        alone = await hold_for(session, port, [], seconds)
        memory, began = await _redis_bytes(engine), time.monotonic()
        joins = [_request("POST", f"{_ROOM}?customer_id=customer-{number}") for number in range(customers)]
        await asyncio.gather(*(Client(port).ask(joins[each::_CONNECTIONS]) for each in range(_CONNECTIONS)))
        took = time.monotonic() - began
        say("joins", f"{customers:,} in {took:.1f} s, {customers / took:,.0f} a second")
        say("memory", f"{(await _redis_bytes(engine) - memory) / customers:.0f} bytes of Redis per customer")
        used, began, polls = [_cpu(process) for process in processes], time.monotonic(), 0
        wanted = customers * seconds // _POLL_SECONDS
        holding = asyncio.create_task(hold_for(session, port, [], seconds))

        async def poll(share: int) -> int:
            done = 0
            while time.monotonic() - began < seconds:
                await Client(port).ask([_request("GET", _ROOM)] * _AT_ONCE * 4)
                done += _AT_ONCE * 4
                due = began + seconds * done / (share or 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            return done

        polls = sum(await asyncio.gather(*(poll(wanted // _CONNECTIONS) for _ in range(_CONNECTIONS))))
        took = time.monotonic() - began
        beside = await holding
        api, redis = ((_cpu(process) - before) / took for process, before in zip(processes, used, strict=True))
        say("polls", f"{polls / took:,.0f} a second of {customers / _POLL_SECONDS:,.0f} that are due")
        say("cpu", f"API {api:.0%} of a core, Redis {redis:.0%}")
        say("holds", f"p99 {p99(beside):.1f} ms beside them, {p99(alone):.1f} ms without")


async def _redis_bytes(engine: Engine) -> int:
    info = await engine.redis.execute_command("INFO", "memory")
    text = (
        info
        if isinstance(info, dict)
        else dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    )
    return int(text["used_memory"])


def _cpu(process: psutil.Process) -> float:
    """Seconds that a process and its children have used."""
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))


if __name__ == "__main__":
    main()
