"""The commands of `onsale`. Each only reads its options and calls what does the work."""

import sys
from pathlib import Path
from typing import IO

import asyncpg
import click
import msgspec

from cli.complaints import Complaint
from cli.environment import settings_from_environment
from cli.ports import check_port
from cli.progress import progress
from engine.faults import Fault, Misconfigured
from engine.loopback import is_loopback
from engine.masking import masked
from engine.settings import PREFIX
from sync.reports import REPORTS

# Each command imports what it needs when it runs: `serve` must be first to decide where metrics go, and nobody who asks
# for --help should wait for a web server to be loaded.


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="onsale")
def onsale() -> None:
    """Sell tickets that everybody wants at once.

    Configured by environment variables (ONSALE_REDIS_URL, ONSALE_POSTGRES_URL, ...); the README lists them all.
    """


def main() -> None:
    """The entry point. What a person can mend is told in a sentence; anything else is a bug and shows its traceback."""
    try:
        onsale(prog_name="onsale")
    except (Complaint, Fault, Misconfigured) as error:
        click.echo(f"onsale: {masked(str(error))}", err=True)
        sys.exit(error.status if isinstance(error, Complaint) else 1)
    except asyncpg.InsufficientPrivilegeError as error:
        click.echo(f"onsale: Postgres: {error}; docs/access.md says which user each command needs", err=True)
        sys.exit(1)


@onsale.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, help="Port of the API; 0 takes a free one.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=".onsale", help="Where everything is kept.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes of the API.")
def dev(port: int, data_dir: Path, workers: int) -> None:
    """Start everything, with its own Valkey and Postgres, and sell demo tickets."""
    from cli.dev import run_dev

    run_dev(port, data_dir, workers)


@onsale.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes; one per core is a good start.")
@click.option(
    "--auth",
    type=click.Choice(["jwt", "off"]),
    default="jwt",
    envvar=f"{PREFIX}AUTH",
    help="jwt: who has a token, by its role. off: everybody everything, on loopback.",
)
def serve(host: str, port: int, workers: int, auth: str) -> None:
    """Serve the API."""
    from cli.serving import serve as serve_api

    if auth == "off" and not is_loopback(host):
        raise Complaint(
            f"without authentication every role is open to whoever reaches {host}: serve on 127.0.0.1, "
            "or with --auth jwt"
        )
    serve_api(msgspec.structs.replace(settings_from_environment(), auth=auth), host, port, workers)


def _event_ids(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter("ids with commas between, like 1,2") from error


@onsale.command()
@click.option("--role", type=click.Choice(["customer", "service", "manager"]), required=True, help="What it may do.")
@click.option("--sub", required=True, help="Who it is for: the customer's id, or a name of the service or manager.")
@click.option("--events", callback=_event_ids, help="Of a manager: the ids of its events, 1,2,...; all unless given.")
@click.option("--ttl", type=click.IntRange(1, 31_536_000), default=3600, help="Seconds until it expires.")
def token(role: str, sub: str, events: list[int] | None, ttl: int) -> None:
    """Make a token for development, signed with ONSALE_JWT_SECRET."""
    from api.callers import Role
    from cli.tokens import mint_token

    click.echo(mint_token(settings_from_environment(), Role(role), sub, ttl, events))


@onsale.command()
def sync() -> None:
    """Write every outcome to Postgres, give back what ran out, settle open payments."""
    from cli.running import run_until_stopped
    from sync.worker import run_sync

    run_until_stopped(run_sync(settings_from_environment()))


@onsale.command()
def migrate() -> None:
    """Bring Postgres to the newest schema."""
    from cli.schema import migrate_database

    settings = settings_from_environment()
    with progress("migrating Postgres"):
        migrate_database(settings.postgres_url)
    click.echo("Postgres has the newest schema.")


@onsale.group()
def library() -> None:
    """The Lua library in Redis."""


@library.command()
def install() -> None:
    """Put this release's library on the server; a newer one is left alone."""
    from cli.lua_library import install_on_server

    settings = settings_from_environment()
    with progress("installing the Lua library"):
        said = install_on_server(settings)
    click.echo(said)


@library.command()
def check() -> None:
    """Say whether the server has this release's library; status 1 if not."""
    from cli.lua_library import check_on_server

    same, said = check_on_server(settings_from_environment())
    click.echo(said)
    sys.exit(0 if same else 1)


@onsale.command()
def audit() -> None:
    """Check the invariants over Redis and Postgres; status 1 if one is broken."""
    from cli.auditing import find_breaches

    settings = settings_from_environment()
    with progress("auditing"):
        breaches = find_breaches(settings)
    for breach in breaches:
        click.echo(breach)
    click.echo(f"{len(breaches)} breaches." if breaches else "Every invariant holds.")
    sys.exit(1 if breaches else 0)


@onsale.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def loadtest(options: tuple[str, ...]) -> None:
    """Rehearse a drop with a crowd of Locust users, and judge it (in a checkout)."""
    from cli.rehearsal import rehearse

    sys.exit(rehearse(options))


@onsale.command()
@click.argument("name", type=click.Choice(list(REPORTS)))
@click.option("--event", "event_id", type=click.IntRange(1), help="Of this event alone.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "html"]), default="table", help="Of the output.")
@click.option("--limit", type=click.IntRange(1), default=1000, help="Most rows.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="Where it goes.")
def report(name: str, event_id: int | None, form: str, limit: int, output: IO[str]) -> None:
    """Show a report, from the views of the schema `reporting` in Postgres."""
    from cli.reports import make_report

    settings = settings_from_environment()
    with progress("reading"):
        text = make_report(settings, name, event_id, form, limit)
    click.echo(text, file=output, nl=not text.endswith("\n"))


@onsale.command()
def restore() -> None:
    """Rebuild an empty Redis from Postgres; one that has anything in it is refused."""
    from cli.restoring import restore_redis

    settings = settings_from_environment()
    with progress("restoring Redis"):
        said = restore_redis(settings)
    click.echo(said)


@onsale.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8090, help="Port to listen on.")
@click.option("--data-file", type=click.Path(path_type=Path, dir_okay=False), default="gateway.db", help="Its ledger.")
@click.option("--settle-after-ms", type=click.IntRange(0), default=5000, help="When a `timeout` charge completes.")
@click.option("--answer-late-ms", type=click.IntRange(0), default=3000, help="When an answer comes that is late.")
def gateway(host: str, port: int, data_file: Path, settle_after_ms: int, answer_late_ms: int) -> None:
    """Run the simulated payment gateway."""
    from aiohttp import web

    from cli.simulated_gateway import create_gateway_app

    settings_from_environment()
    check_port(host, port)
    app = create_gateway_app(data_file, settle_after_ms=settle_after_ms, answer_late_ms=answer_late_ms)
    web.run_app(app, host=host, port=port, access_log=None, print=None)
