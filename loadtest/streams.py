"""Cost of live streams: memory of each, seconds until all know of a hold and of the end, and memory that is left over.

    python -m loadtest.streams --streams 10000 --seconds 20

It starts a Valkey, `onsale serve` for the holds, and `onsale streams`. Its own process reads all streams. Where it
and the servers share cores, seconds include its own work; it says how busy it was.
"""

import asyncio
import os
import re
import resource
import select
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
import psutil

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.catalogue import WaitingRoom, publish_event
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.waiting_rooms import EnterQueue, JoinQueue, ReadQueue
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.results.payments import Paid
from engine.results.waiting_rooms import Placed
from engine.settings import PREFIX, Settings
from engine.waiting_rooms import new_proposal
from loadtest.bench.stock import bench_event
from loadtest.watched_holds import WatchedHolds, watched_event

_EVENT, _ROOM_EVENT = 1, 2
_HOLD_EVERY_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0
_SOURCES = ("127.0.0.1", "127.0.0.2")
"""Addresses of the streams' clients: one alone may run out of ports."""

_AVAILABLE = re.compile(rb'"available":(\d+)')
_KIB = 1024
_STEP_MS = 10


class Streams:
    """Connections that read a stream, in one thread; `on_data` is called with what each received."""

    def __init__(self, port: int, path: str, number: int, on_data: Callable[[int, bytes], None]) -> None:
        self._on_data = on_data
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._ended = threading.Event()
        self.busy_seconds = 0.0
        request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        for each in range(number):
            made = socket.create_connection((LOOPBACK, port), source_address=(_SOURCES[each % len(_SOURCES)], 0))
            made.sendall(request)
            made.setblocking(False)
            self._sockets[made.fileno()] = made
            self._poll.register(made, select.EPOLLIN)

    def _read(self) -> None:
        while not self._ended.is_set():
            ready = self._poll.poll(0.1)
            began = time.thread_time()
            for descriptor, _ in ready:
                data = self._sockets[descriptor].recv(65_536)
                if data:
                    self._on_data(descriptor, data)
                else:
                    self._poll.unregister(descriptor)
            self.busy_seconds += time.thread_time() - began

    def close(self) -> None:
        """Ends all of them."""
        self._ended.set()
        self._thread.join()
        for each in self._sockets.values():
            each.close()
        self._poll.close()


class Delays:
    """Delays, counted in steps of ten milliseconds."""

    def __init__(self) -> None:
        self._steps = Counter[int]()

    def add(self, seconds: float) -> None:
        """One more."""
        self._steps[int(seconds * 1000 / _STEP_MS)] += 1

    def told_within(self, seconds: float) -> float:
        """The share that took no longer."""
        most = int(seconds * 1000 / _STEP_MS)
        return sum(count for step, count in self._steps.items() if step < most) / max(1, self._steps.total())

    def ms(self, share: float) -> int:
        """The ms within which that many were notified."""
        left = share * self._steps.total()
        for step, count in sorted(self._steps.items()):
            left -= count
            if left <= 0:
                return (step + 1) * _STEP_MS
        return 0


class Watch:
    """Holds that streams of availability have reported; the instants of their answers are stored."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held_at: list[float] = []
        self.delays = Delays()
        self.snapshots = 0
        self._told: dict[int, int] = {}

    def read(self, stream: int, data: bytes) -> None:
        """A stream received something."""
        counts = _AVAILABLE.findall(data)
        if not counts:
            return
        now, held = time.monotonic(), self.capacity - int(counts[-1])
        if stream not in self._told:
            self.snapshots += 1
        before = self._told.get(stream, held)
        self._told[stream] = max(before, held)
        for at in self.held_at[before:held]:
            self.delays.add(max(0.0, now - at))

    def behind(self) -> int:
        """Streams that did not report the last hold."""
        return sum(told < len(self.held_at) for told in self._told.values())


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--streams", type=click.IntRange(1, 30_000), default=10_000, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=20, show_default=True, help="Time of holds.")
def main(streams: int, seconds: int) -> None:
    """Measures, and prints a line for each thing."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * streams + 1000), most))
    with tempfile.TemporaryDirectory(prefix="onsale-streams-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", folder / "valkey.log"))
        settings = Settings(redis_url=valkey.url, auth="off")
        asyncio.run(publish(settings))
        environ = {"REDIS_URL": valkey.url, "AUTH": "off", "MAX_STREAMS": str(streams + 100)}
        api, live = free_port(), free_port()
        start(stack, folder, "serve", ["serve", "--port", str(api)], environ | {"STREAMS": "false"})
        process = start(stack, folder, "streams", ["streams", "--port", str(live)], environ)
        asyncio.run(_measure(settings, psutil.Process(process.pid), api, live, streams, seconds))


def start(stack: ExitStack, folder: Path, name: str, command: list[str], settings: Mapping[str, str]) -> Child:
    """Start a command of `onsale` with these settings and no others of this environment."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    environ |= {f"{PREFIX}{key}": value for key, value in settings.items()}
    child = Child(name, [sys.executable, "-m", "cli", *command], folder / f"{name}.log", environ=environ)
    child.start()
    stack.callback(child.stop)
    return child


async def publish(settings: Settings) -> None:
    """An event that cannot sell out, one with a waiting room and one place, and the one of the watched holds."""
    now_ms = int(time.time() * 1000)
    event = msgspec.structs.replace(bench_event(), max_per_customer=1_000_000)
    ticket = msgspec.structs.replace(event.tickets[0], ticket_id=2, capacity=1)
    room = WaitingRoom(opens_ms=now_ms - 60_000, pass_seconds=600, places_per_pass=4, max_inside=None, per_minute=None)
    async with Engine(settings) as engine:
        await publish_event(engine, event)
        other = msgspec.structs.replace(event, event_id=_ROOM_EVENT, tickets=[ticket], waiting_room=room)
        await publish_event(engine, other)
        await publish_event(engine, watched_event())


async def _measure(settings: Settings, process: psutil.Process, api: int, live: int, number: int, seconds: int) -> None:
    for port in (api, live):
        await wait_until_ready(port)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
        WatchedHolds(api, 2 * seconds) as holds,
    ):
        base = _memory(process)
        watch = Watch(bench_event().tickets[0].capacity)
        alone = await holds.p99_ms(seconds)
        streams = await asyncio.to_thread(Streams, live, f"/v1/events/{_EVENT}/availability/stream", number, watch.read)
        await until(lambda: watch.snapshots >= number, "all streams have a snapshot")
        memory = _memory(process)
        began, busy = time.monotonic(), streams.busy_seconds
        async with asyncio.TaskGroup() as tasks:
            held = tasks.create_task(holds.p99_ms(seconds))
            tasks.create_task(hold_for(session, api, watch.held_at, seconds))
        share = (streams.busy_seconds - busy) / (time.monotonic() - began)
        await asyncio.sleep(3)
        streams.close()
        await until(lambda: _open_streams(session, live, 0), "all streams are closed")
        say("memory", f"{(memory - base) / number / _KIB:.1f} KiB per stream, {number:,} streams")
        say(
            "told",
            f"{watch.delays.told_within(1):.3%} within 1 s; p50 {watch.delays.ms(0.5)} ms, "
            f"p99 {watch.delays.ms(0.99)} ms, p99.9 {watch.delays.ms(0.999)} ms; {watch.behind()} never",
        )
        say("holds", f"p99 {held.result():.1f} ms beside the streams, {alone:.1f} ms alone")
        say("reader", f"busy to {share:.0%} of a core")
        await _over(settings, session, live, number)
        await until(lambda: _open_streams(session, live, 0), "all streams are closed")
        await asyncio.sleep(2)
        say("left over", f"{(_memory(process) - base) / _KIB / _KIB:.1f} MiB after {2 * number:,} streams were closed")


async def _over(settings: Settings, session: aiohttp.ClientSession, live: int, number: int) -> None:
    """Sells the last place while all watch the room."""
    told: dict[int, float] = {}
    began: set[int] = set()

    def read(stream: int, data: bytes) -> None:
        if b'"phase":"over"' in data:
            told.setdefault(stream, time.monotonic())
        elif b'"phase"' in data:
            began.add(stream)

    streams = await asyncio.to_thread(Streams, live, f"/v1/events/{_ROOM_EVENT}/queue/stream", number, read)
    await until(lambda: len(began) >= number, "all watch the room")
    async with Engine(settings) as engine:
        joined = await engine.submit(JoinQueue(_ROOM_EVENT, "anna", *new_proposal()))
        assert isinstance(joined, Placed), joined  # noqa: S101  # of a measurement

        async def is_inside() -> bool:
            await engine.submit(ReadQueue(_ROOM_EVENT, *new_proposal()))
            return isinstance(await engine.submit(EnterQueue(_ROOM_EVENT, "anna")), Placed)

        await until(is_inside, "a customer is inside")
        rid = new_reservation_id(_ROOM_EVENT)
        held = await engine.submit(Hold(rid, _ROOM_EVENT, "anna", "{}", "", items_text([(2, 1)])))
        assert isinstance(held, Held), held  # noqa: S101  # the same
        await engine.submit(BeginPayment(rid, "pay-1", 30_000, ""))
        sold = await engine.submit(ConfirmPayment(rid, "pay-1"))
        assert isinstance(sold, Paid), sold  # noqa: S101  # the same
    at = time.monotonic()
    await until(lambda: len(told) >= number, "all are told the end")
    streams.close()
    delays = Delays()
    for each in told.values():
        delays.add(each - at)
    say("over", f"p50 {delays.ms(0.5)} ms, p99.9 {delays.ms(0.999)} ms from the last sale, {len(told):,} streams")


async def hold_for(session: aiohttp.ClientSession, api: int, held_at: list[float], seconds: int) -> None:
    """A hold every 100 ms; notes when each was answered."""
    clock = time.monotonic
    until, number = clock() + seconds, 0
    while clock() < until:
        began, number = clock(), number + 1
        body: dict[str, Any] = {"items": [{"ticket_id": 1, "quantity": 1}], "customer": {"id": f"c{number}"}}
        async with session.post(f"http://{LOOPBACK}:{api}/v1/reservations", json=body) as response:
            response.raise_for_status()
            await response.read()
        held_at.append(clock())
        await asyncio.sleep(max(0.0, began + _HOLD_EVERY_SECONDS - clock()))


async def wait_until_ready(port: int) -> None:
    """Until a process answers at this port."""

    async def answers() -> bool:
        try:
            async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async with aiohttp.ClientSession() as session:
        await until(answers, "a process is ready")


async def _open_streams(session: aiohttp.ClientSession, port: int, wanted: int) -> bool:
    async with session.get(f"http://{LOOPBACK}:{port}/metrics") as response:
        text = await response.text()
    return f"onsale_streams_open {float(wanted)}" in text


def _memory(process: psutil.Process) -> int:
    """Bytes that the processes that serve streams have for themselves."""
    return sum(int(each.memory_full_info().uss) for each in (process, *process.children(recursive=True)))


async def until(is_so: Callable[[], Any], what: str) -> None:
    """Wait until something is so. Raises click.ClickException if it takes minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = is_so()
        if answer if isinstance(answer, bool) else await answer:
            return
        if time.monotonic() > deadline:
            raise click.ClickException(f"waited in vain until {what}")
        await asyncio.sleep(0.1)


def say(what: str, text: str) -> None:
    """Print a line about one thing that was measured."""
    click.echo(f"{what}: {text}")


if __name__ == "__main__":
    main()
