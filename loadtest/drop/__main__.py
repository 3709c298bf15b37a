"""`onsale loadtest`, or `python -m loadtest.drop`: a rehearsal from its stage to its verdict.

The crowd is a process of its own: Locust changes whatever process it is imported into.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import click
from redis.exceptions import RedisError

from cli.complaints import Complaint
from cli.environment import settings_from_environment
from cli.progress import progress
from engine.faults import Misconfigured
from engine.settings import PREFIX, Settings
from loadtest.drop import report
from loadtest.drop.found import find
from loadtest.drop.page import as_page
from loadtest.drop.sizes import SIZES, Size
from loadtest.drop.stage import NotStaged, Stage, set_stage
from loadtest.drop.told import Told
from loadtest.drop.verdict import Found, breaches
from sync.postgres import PostgresAway

_FOLDER = Path(__file__).resolve().parent
_START_SECONDS = 5.0
"""Between the staging and the first person: what Locust takes to start."""

_TOKEN = "LOADTEST_TOKEN"  # noqa: S105  # the name of a variable
_CANNOT_BE_ASKED = (aiohttp.ClientError, RedisError, PostgresAway, OSError, TimeoutError, Misconfigured)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--scenario", type=click.Choice(["drop"]), default="drop", help="What happens.")
@click.option("--size", "size_name", type=click.Choice(list(SIZES)), default="drop", help="How many people come.")
@click.option("--url", default="http://127.0.0.1:8080", help="The API.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=".onsale", help="Of the `onsale dev` that serves.")
@click.option("--headless", is_flag=True, help="Without Locust's page.")
@click.option("--ui-port", type=click.IntRange(1, 65_535), default=8089, help="Of Locust's page.")
@click.option("--output", type=click.Path(path_type=Path), default="rehearsal", help="Where the report goes: a folder.")
def main(scenario: str, size_name: str, url: str, data_dir: Path, headless: bool, ui_port: int, output: Path) -> None:
    """Rehearse a drop, and judge it: status 1 if anybody was told what is not so, or stock is not accounted for.

    Redis and Postgres are those of ONSALE_REDIS_URL and ONSALE_POSTGRES_URL, else those of the `onsale dev` whose data
    is in --data-dir. LOADTEST_TOKEN is a manager's token, where the API wants one.
    """
    token = os.environ.pop(_TOKEN, "")
    _take_environment_of(data_dir)
    settings = settings_from_environment()
    size = SIZES[size_name]
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="onsale-rehearsal-") as name:
        folder = Path(name)
        with progress("setting the stage"):
            stage = _staged(url, token, size)
        told = _crowd(folder, stage, size_name, url, token, settings, headless=headless, ui_port=ui_port)
    with progress("judging"):
        found = _found(settings, url, token, stage, size)
    stock = {name: counts for name, counts in zip(("general", "seats"), map(_stock, found.stock.values()), strict=True)}
    summary = report.summarize(size_name, size.buyers, told, stock, breaches(told, found))
    made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    (output / f"{scenario}.json").write_text(report.as_json(summary), encoding="utf-8")
    (output / f"{scenario}.html").write_text(as_page(summary, told, made_at), encoding="utf-8")
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
        raise Complaint(
            f"no `onsale dev` has its data in {data_dir}: start one, name its --data-dir, or set ONSALE_REDIS_URL and "
            "ONSALE_POSTGRES_URL"
        ) from error
    for line in lines:
        name, _, value = line.partition("=")
        os.environ[name] = value


def _staged(url: str, token: str, size: Size) -> Stage:
    try:
        return asyncio.run(set_stage(url, token, size, _START_SECONDS))
    except NotStaged as error:
        raise Complaint(f"the API does not take the events of the rehearsal: {error}") from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Complaint(f"the API does not answer at {url}: {error}; name it with --url") from error


def _crowd(
    folder: Path,
    stage: Stage,
    size_name: str,
    url: str,
    token: str,
    settings: Settings,
    *,
    headless: bool,
    ui_port: int,
) -> Told:
    """Lets the people come and go; what they were told."""
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
    command = [sys.executable, "-m", "locust", "--locustfile", str(_FOLDER / "crowd.py"), "--host", url]
    command += ["--headless", "--only-summary"] if headless else ["--autostart", "--web-port", str(ui_port)]
    # Its warnings are of arrivals that are meant to be fast, and of its own strain, which the report tells.
    command += ["--loglevel", "ERROR", "--exit-code-on-error", "0"]
    if not headless:
        click.echo(f"Locust's page is on http://127.0.0.1:{ui_port}; Ctrl-C ends it and judges.", err=True)
    _run(command, os.environ | ours)
    try:
        return Told.read(told_file)
    except (OSError, ValueError) as error:
        raise Complaint(f"the crowd left nothing behind: {error}; is Locust installed (make install)?") from error


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    """Runs it to its end; Ctrl-C is for it, and it takes its time to write down what was told."""
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
        raise Complaint(f"no verdict: a server cannot be asked, or sync is behind: {error!r}") from error


def _stock(stock: object) -> dict[str, int]:
    return {name: getattr(stock, name) for name in ("capacity", "available", "held", "sold")}


if __name__ == "__main__":
    try:
        main(prog_name="onsale loadtest")
    except Complaint as error:
        click.echo(f"onsale: {error}", err=True)
        sys.exit(error.status)
