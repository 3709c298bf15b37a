"""`onsale loadtest`, or `python -m loadtest.drop`: a rehearsal from its stage to its verdict.

The crowd is a process of its own: Locust changes whatever process it is imported into.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe

import aiohttp
import click
from redis.exceptions import RedisError

from api.access.loopback import is_loopback
from cli.errors import UserError
from cli.ports import LOOPBACK
from cli.progress import progress
from cli.queue_check import commitment_errors, order_errors, read_room
from cli.settings import settings_from_environment
from engine.errors import Fault, Misconfigured
from engine.settings import PREFIX, Settings
from loadtest.drop import report
from loadtest.drop.fixtures import NotStaged, Room, Stage, room_of, set_stage
from loadtest.drop.observations import Told
from loadtest.drop.page import as_page
from loadtest.drop.page_access import USER
from loadtest.drop.queue_verdict import FoundQueue, queue_breaches, summarize_queue
from loadtest.drop.queue_watch import RoomSample, watching
from loadtest.drop.server_state import find
from loadtest.drop.sizes import SIZES, Size
from loadtest.drop.verdict import Found, breaches
from sync.postgres import PostgresAway

_FOLDER = Path(__file__).resolve().parent
_START_SECONDS = 5.0
"""Between the staging and the first person: what Locust takes to start."""

_TOKEN = "LOADTEST_TOKEN"  # noqa: S105  # the name of a variable
_UI_PASSWORD = "LOADTEST_UI_PASSWORD"  # noqa: S105  # the same
_CROWDS = {"drop": "crowd.py", "queue": "queue_crowd.py"}
"""The locustfile of each scenario."""

_CANNOT_BE_ASKED = (aiohttp.ClientError, Fault, RedisError, PostgresAway, OSError, TimeoutError, Misconfigured)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--scenario", type=click.Choice(list(_CROWDS)), default="drop", help="Scenario: at once, or through a waiting room."
)
@click.option("--size", "size_name", type=click.Choice(list(SIZES)), default="drop", help="Size of the crowd.")
@click.option("--url", default="http://127.0.0.1:8080", help="URL of the API.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=".onsale", help="Data folder of the running `onsale dev`."
)
@click.option("--headless", is_flag=True, help="Run without Locust's page.")
@click.option("--ui-host", default=LOOPBACK, help="Address of Locust's page; one that others reach has a login.")
@click.option("--ui-port", type=click.IntRange(1, 65_535), default=8089, help="Port of Locust's page.")
@click.option("--output", type=click.Path(path_type=Path), default="rehearsal", help="Folder for the report.")
def main(
    scenario: str,
    size_name: str,
    url: str,
    data_dir: Path,
    headless: bool,
    ui_host: str,
    ui_port: int,
    output: Path,
) -> None:
    """Rehearse a drop, and judge it: status 1 if anybody got a wrong answer, or stock is not accounted for.

    Redis and Postgres are those of ONSALE_REDIS_URL and ONSALE_POSTGRES_URL, else those of the `onsale dev` whose data
    is in --data-dir. LOADTEST_TOKEN is a manager's token, where the API wants one. LOADTEST_UI_PASSWORD is the
    password of Locust's page, where it has a login; one is made and shown unless it is set.
    """
    token, ui_password = os.environ.pop(_TOKEN, ""), os.environ.pop(_UI_PASSWORD, "")
    _take_environment_of(data_dir)
    settings = settings_from_environment()
    size = SIZES[size_name]
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="onsale-rehearsal-") as name:
        folder = Path(name)
        with progress("setting the stage"):
            stage = _staged(url, token, size, room_of(size) if scenario == "queue" else None)
        page = None if headless else page_options(ui_host, ui_port, ui_password)
        crowd = [str(_FOLDER / _CROWDS[scenario]), "--host", url]
        with _watching(settings, stage) as samples:
            told = _crowd(folder, stage, crowd, size_name, token, settings, page)
    with progress("judging"):
        found = _found(settings, url, token, stage, size)
        queue = _found_queue(settings, stage, samples)
    wrong = breaches(told, found) + (queue_breaches(told, queue) if queue else [])
    stock = {name: counts for name, counts in zip(("general", "seats"), map(_stock, found.stock.values()), strict=True)}
    summary = report.summarize(size_name, size.buyers, told, stock, wrong)
    if queue:
        summary = summary._replace(queue=summarize_queue(told, queue))
    made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    (output / f"{scenario}.json").write_text(report.as_json(summary), encoding="utf-8")
    (output / f"{scenario}.html").write_text(as_page(summary, told, made_at, samples), encoding="utf-8")
    click.echo(report.as_text(summary))
    click.echo(f"The report is {output / f'{scenario}.html'}, the figures are {output / f'{scenario}.json'}.")
    sys.exit(1 if summary.breaches else 0)


def _take_environment_of(data_dir: Path) -> None:
    """The settings of a running `onsale dev`, unless the environment has its own."""
    if f"{PREFIX}REDIS_URL" in os.environ:
        return
    try:
        lines = (data_dir / "environment").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(
            f"no `onsale dev` uses {data_dir}: start one, give its --data-dir, or set ONSALE_REDIS_URL and "
            "ONSALE_POSTGRES_URL"
        ) from error
    for line in lines:
        name, _, value = line.partition("=")
        os.environ[name] = value


def _staged(url: str, token: str, size: Size, room: Room | None) -> Stage:
    try:
        return asyncio.run(set_stage(url, token, size, _START_SECONDS, room))
    except NotStaged as error:
        raise UserError(f"the API refuses the events of the rehearsal: {error}") from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UserError(f"the API does not answer at {url}: {error}; name it with --url") from error


def _crowd(
    folder: Path,
    stage: Stage,
    crowd: list[str],
    size_name: str,
    token: str,
    settings: Settings,
    page: tuple[list[str], dict[str, str]] | None,
) -> Told:
    """Lets the people come and go; returns the answers that they got."""
    stage_file, told_file = folder / "stage.json", folder / "told.json"
    stage.write(stage_file)
    ours = {
        "ONSALE_DROP_STAGE": str(stage_file),
        "ONSALE_DROP_TOLD": str(told_file),
        "ONSALE_DROP_SIZE": size_name,
        "ONSALE_DROP_TOKEN": token,
    }
    if settings.sync_metrics_port:
        ours["ONSALE_DROP_SYNC_METRICS"] = f"http://{settings.sync_metrics_host}:{settings.sync_metrics_port}/metrics"
    _allow_connections(2 * SIZES[size_name].buyers + 1000)
    command = [sys.executable, "-m", "locust", "--locustfile", *crowd]
    command += ["--headless", "--only-summary"] if page is None else page[0]
    # Its warnings are of arrivals that are meant to be fast, and of its own strain, which the report tells.
    command += ["--loglevel", "ERROR", "--exit-code-on-error", "0"]
    if page is not None:
        ours |= page[1]
        click.echo("Ctrl-C ends it and judges.", err=True)
    _run(command, os.environ | ours)
    try:
        return Told.read(told_file)
    except (OSError, ValueError) as error:
        raise UserError(f"the crowd left no results: {error}; is Locust installed (make install)?") from error


def page_options(host: str, port: int, password: str) -> tuple[list[str], dict[str, str]]:
    """Options and variables of Locust for its page; shows its address, and its login where it has one."""
    login = ""
    if not is_loopback(host):
        password = password or token_urlsafe(16)
        login = f"; its login is {USER} with the password {password}"
    else:
        password = ""
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Locust's page is on http://{shown}:{port}{login}.", err=True)
    return ["--autostart", "--web-host", host, "--web-port", str(port)], {"ONSALE_DROP_UI_PASSWORD": password}


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    """Runs it to its end; Ctrl-C is for it, and it takes its time to store the answers."""
    process = subprocess.Popen(command, env=environ, cwd=_FOLDER.parents[1])  # noqa: S603  # our own
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:
            continue
        return


def _allow_connections(wanted: int) -> None:
    """As many open files as there are people, as far as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(wanted, 4096), most), most))


def _found(settings: Settings, url: str, token: str, stage: Stage, size: Size) -> Found:
    try:
        return asyncio.run(find(settings, url, token, stage, size))
    except _CANNOT_BE_ASKED as error:
        raise UserError(f"no verdict: a server does not answer, or sync is behind: {error!r}") from error


@contextmanager
def _watching(settings: Settings, stage: Stage) -> Iterator[Sequence[RoomSample]]:
    """Samples of the waiting room, none where there is none."""
    if stage.room is None:
        yield ()
        return
    with watching(settings, stage.general_event, stage.opens_ms) as samples:
        yield samples


def _found_queue(settings: Settings, stage: Stage, samples: Sequence[RoomSample]) -> FoundQueue | None:
    if stage.room is None:
        return None
    try:
        stored = asyncio.run(read_room(settings, stage.general_event))
    except _CANNOT_BE_ASKED as error:
        raise UserError(f"no verdict: Redis does not answer: {error!r}") from error
    errors = commitment_errors(stored)
    if stored.fields.get("seed"):
        errors += order_errors(stage.general_event, stored)
    return FoundQueue(stored.indexes, int(stored.fields["cohort"]), errors, stage.room, samples)


def _stock(stock: object) -> dict[str, int]:
    return {name: getattr(stock, name) for name in ("capacity", "available", "held", "sold")}


if __name__ == "__main__":
    try:
        main(prog_name="onsale loadtest")
    except UserError as error:
        click.echo(f"onsale: {error}", err=True)
        sys.exit(error.status)
