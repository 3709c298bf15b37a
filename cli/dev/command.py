"""`onsale dev`: every part as a real process, its data in one directory."""

import asyncio
import fcntl
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from types import FrameType

import aiohttp
import click

from api.access.callers import Role
from cli.dev.child_process import Child
from cli.dev.demo_data import commands_to_try, ensure_demo
from cli.dev.dev_tokens import DevTokens
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey, write_private
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.dev.log_follower import LogFollower
from cli.errors import UserError
from cli.lua_library import install_on_server
from cli.migrate import migrate_database
from cli.ports import LOOPBACK, check_port, free_port
from cli.progress import progress
from cli.tokens import sign_in_link
from engine.settings import PREFIX, Settings

_READY_SECONDS = 120
_POLL_SECONDS = 0.1
_DATABASE = "onsale"
_TOLD = frozenset({"api", "gateway", "sync"})
"""The parts whose log is shown."""

_LOOPBACK_NETWORKS = "127.0.0.0/8 ::1/128"

ENVIRONMENT_FILE = "environment"
"""In the data directory: the settings of the parts, for other commands of `onsale` that are to work on them."""


def run_dev(port: int, data_dir: Path, workers: int, shards: int = 0, replicas: int = 0, *, auth: str = "off") -> None:
    """Starts everything and stays until SIGINT, SIGTERM or the end of a part; leaves no process behind.

    `shards`: primaries of a cluster, each with that many `replicas`; 0: one server. `auth`: off, or jwt: tokens of each
    role are printed.

    Raises UserError if something cannot start, or did not stay.
    """
    port = port or free_port()
    check_port(LOOPBACK, port)
    with ExitStack() as stack:
        stop = stack.enter_context(_stop_signals())
        logs = stack.enter_context(_owned(data_dir)) / "logs"
        tokens = DevTokens(data_dir) if auth == "jwt" else None
        children = _start_parts(stack, port, data_dir.resolve(), logs, workers, shards, replicas, tokens)
        followers = [LogFollower(child.name, child.log_file) for child in children if child.name in _TOLD]
        api_url = f"http://{LOOPBACK}:{port}"
        with progress("waiting for the API"):
            _wait_until_ready(api_url, children, stop)
        if not stop.is_set():
            ticket = asyncio.run(ensure_demo(api_url, tokens.of(Role.MANAGER) if tokens else None))
            answer_file = shlex.quote(str(data_dir.resolve() / "reservation.json"))
            token = tokens.of(Role.CUSTOMER) if tokens else None
            _greet(api_url, data_dir, commands_to_try(api_url, ticket, answer_file, token), tokens)
        while not stop.wait(_POLL_SECONDS):
            _tell_news(followers)
            for child in children:
                if not child.running:
                    raise child.failure()
        click.echo("Stopping ...")
    click.echo("Stopped. The data is kept for the next start.")


def _start_parts(
    stack: ExitStack,
    port: int,
    data_dir: Path,
    logs: Path,
    workers: int,
    shards: int,
    replicas: int,
    tokens: DevTokens | None,
) -> list[Child]:
    """Starts the parts in the order in which they need each other; the stack stops them in the other."""
    with progress("starting Valkey"):
        servers, redis_url = _start_valkey(stack, data_dir, logs, shards, replicas)
    with progress("starting Postgres"):
        postgres = stack.enter_context(
            EmbeddedPostgres(data_dir / "postgres", logs / "postgres.log", password=token_hex(16))
        )
        postgres_url = postgres.ensure_database(_DATABASE)
    gateway_port = free_port()
    settings = Settings(
        redis_url=redis_url,
        postgres_url=postgres_url,
        gateway_url=f"http://{LOOPBACK}:{gateway_port}",
        sync_metrics_port=free_port(),
    )
    with progress("migrating Postgres"):
        migrate_database(postgres_url)
    with progress("installing the Lua library"):
        install_on_server(settings)
    ours = {
        f"{PREFIX}REDIS_URL": settings.redis_url,
        f"{PREFIX}POSTGRES_URL": settings.postgres_url,
        f"{PREFIX}GATEWAY_URL": settings.gateway_url,
        f"{PREFIX}SYNC_METRICS_PORT": str(settings.sync_metrics_port),
        **(tokens.variables if tokens else {}),
    }
    write_private(data_dir / ENVIRONMENT_FILE, "".join(f"{name}={value}\n" for name, value in ours.items()))
    api_url = f"http://{LOOPBACK}:{port}"
    defaults = {
        f"{PREFIX}SHOP": "true",
        f"{PREFIX}WEBHOOK_NETWORKS": _LOOPBACK_NETWORKS,
        f"{PREFIX}PAYMENT_PAGE": f"{settings.gateway_url}/pay",
    }
    if tokens:
        defaults["GATEWAY_SHOP_TOKEN"] = tokens.of(Role.SERVICE)
    environ = defaults | os.environ | ours
    data_file = str(data_dir / "gateway.db")
    children = [*servers, postgres.child]
    access = ["--auth", "jwt", "--dev-tokens"] if tokens else ["--auth", "off"]
    for name, arguments in {
        "gateway": ["gateway", "--port", str(gateway_port), "--data-file", data_file, "--shop", api_url],
        "sync": ["sync"],
        "api": ["serve", "--port", str(port), "--workers", str(workers), *access],
    }.items():
        command = [sys.executable, "-m", "cli", *arguments]
        child = Child(name, command, logs / f"{name}.log", environ=environ)
        stack.callback(child.stop)
        child.start()
        children.append(child)
    return children


def _start_valkey(stack: ExitStack, data_dir: Path, logs: Path, shards: int, replicas: int) -> tuple[list[Child], str]:
    """The servers, and the address by which they are reached. One server and a cluster have data of their own."""
    password = token_hex(16)  # another one for each start; nobody types it
    if not shards:
        valkey = stack.enter_context(EmbeddedValkey(data_dir / "valkey", logs / "valkey.log", password=password))
        return [valkey.child], valkey.url
    folder = data_dir / f"valkey-{shards}-shards-{replicas}-replicas"
    cluster = stack.enter_context(EmbeddedCluster(folder, logs, shards, replicas, password=password))
    return cluster.children, cluster.url


def _wait_until_ready(api_url: str, children: list[Child], stop: threading.Event) -> None:
    """Raises UserError if a part ends, or if the API is not ready in time."""
    deadline = time.monotonic() + _READY_SECONDS
    while not stop.is_set():
        for child in children:
            if not child.running:
                raise child.failure()
        missing = asyncio.run(_what_is_missing(api_url))
        if missing is None:
            return
        if time.monotonic() > deadline:
            raise UserError(f"not ready after {_READY_SECONDS} s: {missing}; its log is {children[-1].log_file}")
        stop.wait(_POLL_SECONDS)


async def _what_is_missing(api_url: str) -> str | None:
    """The parts that `/readyz` reports as missing; None if it can sell."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{api_url}/readyz") as response,
        ):
            return None if response.status == 200 else await response.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return str(error) or "no answer"


@contextmanager
def _owned(data_dir: Path) -> Iterator[Path]:
    """The directory, made if need be, for this process alone. Raises UserError if another has it."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # one that is there may have other things in it
        (data_dir / "logs").mkdir(exist_ok=True)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        raise UserError(f"cannot write to {data_dir}: {error.strerror}; choose another with --data-dir") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another `onsale dev` uses {data_dir}: stop it, or choose another --data-dir") from error
        for log_file in (data_dir / "logs").glob("*.log"):
            log_file.replace(log_file.with_suffix(".previous"))
        yield data_dir


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that is set by the first SIGINT, SIGTERM or SIGHUP. Later ones do not interrupt the orderly end."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _greet(api_url: str, data_dir: Path, commands: list[tuple[str, str]], tokens: DevTokens | None) -> None:
    click.echo(f"Onsale is ready on {api_url}. Everything is kept in {data_dir}; logs are in {data_dir / 'logs'}.\n")
    if tokens:
        click.echo("Tokens, for `Authorization: Bearer …` and for the button Authorize of /docs:\n")
        for role in Role:
            click.echo(f"  {role}: {tokens.of(role)}\n")
        click.echo(f"Others: POST {api_url}/dev/tokens with a role and a sub\n")
        click.echo(f"The console, signed in: {sign_in_link(api_url, tokens.of(Role.MANAGER))}\n")
        click.echo("Try, in another terminal:\n")
    else:
        click.echo(f"Buy in a browser: {api_url}/shop\nWatch the sale: {api_url}/console\n")
        click.echo("Or try, in another terminal:\n")
    for what, command in commands:
        click.echo(f"  # {what}\n  {command}\n")
    click.echo("Ctrl-C stops everything.")


def _tell_news(followers: list[LogFollower]) -> None:
    for follower in followers:
        for line in follower.news():
            click.echo(line, err=True)
