"""Stage of the storm: Valkey, the gateway and `onsale serve`, with an event that cannot sell out."""

import asyncio
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import psutil

from api.access.callers import Role
from cli.dev.child_process import Child, ChildError
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from cli.tokens import mint_token
from engine.catalogue import EventSnapshot, publish_event
from engine.engine import Engine
from engine.settings import PREFIX, Settings
from loadtest.bench.cpu import Cores, on_cores, prefer
from loadtest.bench.stock import bench_event
from loadtest.bench.wrk import Load, run_wrk
from loadtest.open_loop.crowd import Address, RequestOf

PAYABLE_QUANTITY = 1

_READERS = 2000
_READS = Path(__file__).with_name("reads.lua")
_READY_SECONDS = 30
_TIMEOUT_SECONDS = 30
_TAKEN_AT_ONCE = 32
_CUSTOMERS_WITH_A_TOKEN = 20_000
_TOKEN_SECONDS = 7200
_SECRET = "for the storm, which is on loopback"  # noqa: S105  # no secret
_FIRST = "Islom"


class Variant(NamedTuple):
    """One way to run the storm: settings of the API, its processes, and what each request has besides."""

    name: str
    what: str
    settings: Mapping[str, str] = {}
    workers: int = 1
    tokens: bool = False
    keys: bool = False
    redis_delay_ms: int = 0


VARIANTS = [
    Variant("plain", "one process"),
    Variant("two", "two processes", workers=2),
    Variant(
        "guarded",
        "tokens and limits",
        settings={
            "jwt_secret": _SECRET,
            "customer_per_minute": "6000",
            "customer_burst": "1000",
            "address_per_minute": "60000",
            "address_burst": "100000000",
            "live_holds": "1000",
            "cool_down_expiries": "5",
        },
        tokens=True,
    ),
    Variant("keys", "an Idempotency-Key with each request", keys=True),
    Variant("slow", "a Redis that takes 20 ms per call", redis_delay_ms=20),
]


class Stage(NamedTuple):
    """The running processes."""

    address: Address
    api: Child
    variant: Variant

    def memory_mib(self) -> float:
        """The memory of the API's processes, together."""
        total = 0.0
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.api.pid)
            for one in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += one.memory_info().rss
        return total / (1 << 20)


@contextmanager
def stage(directory: Path, cores: Cores, variant: Variant) -> Iterator[Stage]:
    """Starts everything; all of it is stopped at the end. Raises ChildError if a process does not start."""
    directory.mkdir(parents=True)
    with ExitStack() as stack:
        with on_cores(cores.rest):
            valkey = stack.enter_context(EmbeddedValkey(directory / "valkey", directory / "valkey.log"))
            port, gateway_port = valkey.port, free_port()
            if variant.redis_delay_ms:
                port = free_port()
                delay = ["--port", str(port), "--target", str(valkey.port), "--delay-ms", str(variant.redis_delay_ms)]
                _start(stack, directory, "slow-redis", ["loadtest.storm.slow_redis", *delay], {})
            data_file = ["--data-file", str(directory / "gateway.db")]
            command = ["cli", "gateway", "--port", str(gateway_port), *data_file]
            gateway = _start(stack, directory, "gateway", command, {})
        prefer(valkey.child.pid)
        prefer(gateway.pid)
        settings = Settings(redis_url=valkey.url)
        asyncio.run(_publish(settings))
        api_port = free_port()
        auth = "jwt" if variant.tokens else "off"
        serve = ["cli", "serve", "--auth", auth, "--port", str(api_port), "--workers", str(variant.workers)]
        environ = {
            "REDIS_URL": f"redis://{LOOPBACK}:{port}/0",
            "GATEWAY_URL": f"http://{LOOPBACK}:{gateway_port}",
            **{name.upper(): value for name, value in variant.settings.items()},
        }
        with on_cores(cores.api if variant.workers == 1 else frozenset()):
            api = _start(stack, directory, "onsale", serve, environ)
        address = Address(LOOPBACK, api_port)
        asyncio.run(_wait_until_ready(address, api))
        yield Stage(address, api, variant)


def _start(stack: ExitStack, directory: Path, name: str, command: list[str], settings: Mapping[str, str]) -> Child:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    environ |= {f"{PREFIX}{key}": value for key, value in settings.items()}
    child = Child(name, [sys.executable, "-m", *command], directory / f"{name}.log", environ=environ)
    child.start()
    stack.callback(child.stop)
    return child


def storm_event() -> EventSnapshot:
    """The event of the benchmark, of which everybody may have as much as the limits on speed allow."""
    return msgspec.structs.replace(bench_event(), max_per_customer=100_000)


async def _publish(settings: Settings) -> None:
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        await publish_event(engine, storm_event())


async def _wait_until_ready(address: Address, api: Child) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    url = f"http://{address.host}:{address.port}/healthz"
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if not api.running or time.monotonic() > deadline:
                raise ChildError(f"the API does not answer; its log is {api.log_file}")
            await asyncio.sleep(0.05)


def holds(stage: Stage) -> RequestOf:
    """Requests for two places each, of one customer after the other."""
    body = '{"items":[{"ticket_id":1,"quantity":2}],"customer":{"id":"%s","first_name":"Islom","last_name":"Karimov"}}'
    head = _head(stage.address, "POST", "/v1/reservations")
    tokens = list(_tokens(stage.variant))
    key = 'Idempotency-Key: "storm-%012d"\r\n' if stage.variant.keys else ""

    def request_of(number: int) -> bytes:
        customer = f"s{number % len(tokens) if tokens else number:09}"
        content = body % customer
        authorization = f"Authorization: Bearer {tokens[number % len(tokens)]}\r\n" if tokens else ""
        asked_once = key % number if key else ""
        return f"{head}{authorization}{asked_once}Content-Length: {len(content)}\r\n\r\n{content}".encode()

    return request_of


def _tokens(variant: Variant) -> Iterator[str]:
    if variant.tokens:
        issuer = Settings(jwt_secret=_SECRET)
        for number in range(_CUSTOMERS_WITH_A_TOKEN):
            yield mint_token(issuer, Role.CUSTOMER, f"s{number:09}", _TOKEN_SECONDS)


async def payments(stage: Stage, count: int) -> list[bytes]:
    """Takes holds, and returns the requests that pay for them."""
    taken: list[tuple[str, str]] = []
    numbers = iter(range(count))
    issuer = Settings(jwt_secret=_SECRET)
    url = f"http://{stage.address.host}:{stage.address.port}/v1/reservations"

    async def take(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            customer = f"payer-{number}"
            headers = {}
            if stage.variant.tokens:
                headers["Authorization"] = f"Bearer {mint_token(issuer, Role.CUSTOMER, customer, _TOKEN_SECONDS)}"
            body = {
                "items": [{"ticket_id": 1, "quantity": PAYABLE_QUANTITY}],
                "customer": {"id": customer, "first_name": _FIRST, "last_name": "Karimov"},
            }
            async with session.post(url, json=body, headers=headers) as answer:
                answer.raise_for_status()
                authorization = headers.get("Authorization", "")
                taken.append(((await answer.json())["id"], authorization))

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        for _ in range(_TAKEN_AT_ONCE):
            tasks.create_task(take(session))
    amount = storm_event().tickets[0].unit_minor * PAYABLE_QUANTITY
    content = f'{{"amount":{amount},"currency":"EUR","payment_token":"tok_visa"}}'

    def request_of(reservation_id: str, authorization: str) -> bytes:
        head = _head(stage.address, "POST", f"/v1/reservations/{reservation_id}/pay")
        token = f"Authorization: {authorization}\r\n" if authorization else ""
        return f"{head}{token}Content-Length: {len(content)}\r\n\r\n{content}".encode()

    return [request_of(*each) for each in taken]


def read_for(stage: Stage, per_second: float, seconds: float) -> Load:
    """Has wrk ask for all that the public reads, in turn, for so long. Raises UserError if wrk is missing or fails."""
    paths = [
        "/v1/events",
        "/v1/events/1",
        "/v1/events/1/availability",
        "/v1/tickets?limit=50",
        "/v1/tickets?available=true",
        "/v1/tickets/1",
        "/v1/venues",
    ]
    requests = [f"{_head(stage.address, 'GET', path)}\r\n" for path in paths]
    wait_ms = round(1000 * _READERS / per_second)
    url = f"http://{stage.address.host}:{stage.address.port}"
    return run_wrk(_READS, url, [str(wait_ms), *requests], math.ceil(seconds), _READERS)


def _head(address: Address, method: str, path: str) -> str:
    content = "Content-Type: application/json\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n{content}"


Tell = Callable[[str], None]
"""Is given a line for a waiting person."""
