"""The commands of `onsale`. Each only reads its options and calls what does the work."""

import sys
from pathlib import Path
from typing import IO

import asyncpg
import click
import msgspec

from api.access.loopback import is_loopback
from cli.code_commands import codes
from cli.errors import UserError
from cli.masking import masked
from cli.ports import check_port
from cli.progress import progress
from cli.settings import settings_from_environment
from engine.errors import Fault, Misconfigured
from engine.settings import PREFIX
from sync.read_models.exports import EXPORTS
from sync.read_models.reports import REPORTS

# Each command imports what it needs when it runs. `serve` must decide where metrics go before they are imported, and
# --help should not wait until a web server is loaded.


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="onsale")
def onsale() -> None:
    """Sell tickets that everybody wants at once.

    Configured by environment variables (ONSALE_REDIS_URL, ONSALE_POSTGRES_URL, ...); docs/settings.md lists them all.
    """


_NOT_MIGRATED = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidSchemaNameError,
)


def main() -> None:
    """The entry point. A user error prints one sentence; anything else is a bug and shows its traceback."""
    try:
        onsale(prog_name="onsale")
    except (UserError, Fault, Misconfigured) as error:
        click.echo(f"onsale: {masked(str(error))}", err=True)
        sys.exit(error.status if isinstance(error, UserError) else 1)
    except _NOT_MIGRATED as error:
        click.echo(f"onsale: Postgres: {error}; the schema of this release is missing: run `onsale migrate`", err=True)
        sys.exit(1)
    except asyncpg.InsufficientPrivilegeError as error:
        click.echo(f"onsale: Postgres: {error}; see docs/access.md for the user that each command needs", err=True)
        sys.exit(1)


@onsale.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, help="Port of the API; 0 chooses a free one.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=".onsale", help="Folder for all data.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes of the API.")
@click.option("--shards", type=click.IntRange(3, 16), help="Primaries of a Valkey Cluster; default: one server.")
@click.option("--replicas", type=click.IntRange(0, 4), default=0, help="Replicas of each primary, with --shards.")
@click.option(
    "--auth",
    type=click.Choice(["off", "jwt"]),
    default="off",
    help="off: everybody may do everything. jwt: tokens with roles, which are printed.",
)
def dev(port: int, data_dir: Path, workers: int, shards: int | None, replicas: int, auth: str) -> None:
    """Start everything, with its own Valkey and Postgres, and sell demo tickets."""
    from cli.dev.command import run_dev

    if replicas and not shards:
        raise UserError("--replicas needs --shards: a single server of `onsale dev` has no replica")
    run_dev(port, data_dir, workers, shards or 0, replicas, auth=auth)


@onsale.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes; one per core is a good start.")
@click.option(
    "--auth",
    type=click.Choice(["jwt", "off"]),
    default="jwt",
    envvar=f"{PREFIX}AUTH",
    help="jwt: tokens with roles. off: everybody may do everything; loopback only.",
)
@click.option("--dev-tokens", is_flag=True, hidden=True, help="Tokens for anybody: `onsale dev` starts it so.")
def serve(host: str, port: int, workers: int, auth: str, dev_tokens: bool) -> None:
    """Serve the API."""
    from cli.serve import serve as serve_api

    if auth == "off" and not is_loopback(host):
        raise UserError(
            f"without authentication anybody who can reach {host} has every role: serve on 127.0.0.1, "
            "or with --auth jwt"
        )
    if dev_tokens and not is_loopback(host):
        raise UserError(f"anybody who can reach {host} would get a token of each role: serve on 127.0.0.1")
    settings = msgspec.structs.replace(settings_from_environment(), auth=auth)
    serve_api(settings, host, port, workers, dev_tokens=dev_tokens)


@onsale.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8081, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes; each serves ONSALE_MAX_STREAMS.")
def streams(host: str, port: int, workers: int) -> None:
    """Serve live streams alone, so that they cost the sale nothing."""
    from cli.serve import serve as serve_api

    settings = settings_from_environment()
    serve_api(msgspec.structs.replace(settings, streams=True), host, port, workers, streams_only=True)


def _event_ids(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter("give ids separated by commas, like 1,2") from error


@onsale.command()
@click.option(
    "--role", type=click.Choice(["customer", "service", "manager", "gate"]), required=True, help="Role of the token."
)
@click.option("--sub", required=True, help="Subject: the customer's id, or a name of the service or manager.")
@click.option("--events", callback=_event_ids, help="Event ids of a manager's or gate's token, like 1,2; default: all.")
@click.option("--ttl", type=click.IntRange(1, 31_536_000), default=3600, help="Seconds until the token expires.")
@click.option(
    "--link",
    metavar="[URL]",
    is_flag=False,
    flag_value="http://127.0.0.1:8080",
    help="Print a link that signs a manager in to the console of the API at this URL.  [http://127.0.0.1:8080]",
)
def token(role: str, sub: str, events: list[int] | None, ttl: int, link: str | None) -> None:
    """Make a token for development, signed with ONSALE_JWT_SECRET."""
    from api.access.callers import Role
    from cli.tokens import mint_token, sign_in_link

    if link is not None and role != Role.MANAGER:
        raise UserError("--link needs --role manager: the console is for managers alone")
    if link is not None and not link.startswith(("http://", "https://")):
        raise UserError(f"--link {link} is no address: give that of the API, like https://tickets.example")
    made = mint_token(settings_from_environment(), Role(role), sub, ttl, events)
    click.echo(made if link is None else sign_in_link(link, made))


@onsale.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=".env", help="File to create.")
def secrets(output: Path) -> None:
    """Create a file of random secrets for docker-compose.yml; an existing file is kept."""
    from cli.secrets_file import write_secrets

    write_secrets(output)
    click.echo(f"{output} has new secrets; only you can read it.")


@onsale.command()
def sync() -> None:
    """Write outcomes to Postgres, give back expired holds, settle open payments."""
    from cli.gc_tuning import YOUNG_OBJECTS_OF_SYNC, collect_rarely
    from cli.run_until_stopped import run_until_stopped
    from cli.serve import check_metrics_directory
    from sync.worker import run_sync

    check_metrics_directory()
    collect_rarely(YOUNG_OBJECTS_OF_SYNC)
    run_until_stopped(run_sync(settings_from_environment()))


@onsale.command()
def migrate() -> None:
    """Bring Postgres to the newest schema."""
    from cli.migrate import migrate_database

    settings = settings_from_environment()
    with progress("migrating Postgres"):
        migrate_database(settings.postgres_url)
    click.echo("Postgres has the newest schema.")


@onsale.group()
def library() -> None:
    """The Lua library in Redis."""


@library.command()
def install() -> None:
    """Install this release's library on the server; a newer one is kept."""
    from cli.lua_library import install_on_server

    settings = settings_from_environment()
    with progress("installing the Lua library"):
        said = install_on_server(settings)
    click.echo(said)


@library.command()
def check() -> None:
    """Check that the server has this release's library; status 1 if not."""
    from cli.lua_library import check_on_server

    same, said = check_on_server(settings_from_environment())
    click.echo(said)
    sys.exit(0 if same else 1)


@onsale.command()
@click.option("--gateway", is_flag=True, help="Ask the gateway about each charge, too; nothing may be sold meanwhile.")
def audit(*, gateway: bool) -> None:
    """Check the invariants over Redis and Postgres; status 1 if one is broken."""
    from cli.audit import find_breaches

    settings = settings_from_environment()
    with progress("auditing"):
        breaches = find_breaches(settings, asks_gateway=gateway)
    for breach in breaches:
        click.echo(breach)
    click.echo(f"{len(breaches)} breaches." if breaches else "Every invariant holds.")
    sys.exit(1 if breaches else 0)


@onsale.group()
def cluster() -> None:
    """Look at a cluster of Redis or Valkey."""


@cluster.command("status")
def show_cluster() -> None:
    """Show each primary: its partitions, replicas, their lag, the library and the clock."""
    from cli.cluster import cluster_status

    click.echo(cluster_status(settings_from_environment()))


@cluster.command("plan")
def plan_cluster() -> None:
    """Print the commands that spread the partitions evenly; changes nothing."""
    from cli.cluster import cluster_plan

    click.echo(cluster_plan(settings_from_environment()))


@onsale.group()
def queue() -> None:
    """Verify waiting rooms."""


@queue.command("check")
@click.argument("event_id", type=click.IntRange(1, 2_147_483_647))
def check_order(event_id: int) -> None:
    """Recompute the order of an event's waiting room; status 1 if it is another one."""
    from cli.queue_check import check_queue

    settings = settings_from_environment()
    with progress("recomputing"):
        told, errors = check_queue(settings, event_id)
    for error in errors:
        click.echo(error)
    click.echo(told)
    sys.exit(1 if errors else 0)


onsale.add_command(codes)


@onsale.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def loadtest(options: tuple[str, ...]) -> None:
    """Rehearse a drop with a crowd of Locust users, and judge it (in a checkout)."""
    from cli.loadtest import rehearse

    sys.exit(rehearse(options))


@onsale.command("export")
@click.argument("name", type=click.Choice(list(EXPORTS)))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the parts."
)
@click.option("--format", "form", type=click.Choice(["ndjson", "parquet"]), default="ndjson", help="Form of the parts.")
@click.option("--rows", type=click.IntRange(1, 10_000_000), default=100_000, help="Most rows of a part.")
def export_changes(name: str, folder: Path, form: str, rows: int) -> None:
    """Write what changed in a view since the last export, for analysts.

    Stopped or not, the next run goes on where this one was: the folder has its cursor.
    """
    from cli.export.command import export_view

    state = export_view(settings_from_environment(), name, folder, form, rows)
    click.echo(f"{name}: rows {state.rows}, parts {state.part}, complete up to {state.complete_to}")


@onsale.command()
@click.argument("name", type=click.Choice(list(REPORTS)))
@click.option("--event", "event_id", type=click.IntRange(1, 2_147_483_647), help="Only this event.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table", help="Output.")
@click.option("--tz", "timezone", default="UTC", help="Time zone of days, hours and shown times.")
@click.option(
    "--from", "start", metavar="DAY|INSTANT", help="Only reservations made (hours, revenue: paid) from then on."
)
@click.option("--to", "end", metavar="DAY|INSTANT", help="The first day or instant after the period.")
@click.option("--limit", type=click.IntRange(1), default=1000, help="Maximum number of rows.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="Output file.")
def report(
    name: str,
    event_id: int | None,
    form: str,
    timezone: str,
    start: str | None,
    end: str | None,
    limit: int,
    output: IO[str],
) -> None:
    """Show a report, from the views of the schema `reporting` in Postgres."""
    from cli.reports.command import Request, make_report

    settings = settings_from_environment()
    with progress("reading"):
        text = make_report(settings, Request(name, form, event_id, timezone, start, end, limit))
    click.echo(text, file=output, nl=not text.endswith("\n"))


@onsale.command()
@click.option(
    "--partitions",
    type=click.Choice(["all", "lost"]),
    default="all",
    help="all: into an empty Redis. lost: those that a cluster has lost, while the others sell.",
)
def restore(partitions: str) -> None:
    """Rebuild an empty Redis from Postgres; fails if Redis has any key."""
    from cli.restore import restore_redis

    settings = settings_from_environment()
    with progress("restoring Redis"):
        said = restore_redis(settings, only_lost=partitions == "lost")
    click.echo(said)


@onsale.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8090, help="Port to listen on.")
@click.option("--data-file", type=click.Path(path_type=Path, dir_okay=False), default="gateway.db", help="Ledger file.")
@click.option(
    "--settle-after-ms", type=click.IntRange(0), default=5000, help="Delay after which a `timeout` charge completes."
)
@click.option("--answer-late-ms", type=click.IntRange(0), default=3000, help="Delay of a late answer.")
@click.option("--shop", help="Address of the API whose buyers pay on a page of the gateway; default: it has no page.")
@click.option("--shop-token", envvar="GATEWAY_SHOP_TOKEN", default="", help="Token of a service, for callbacks.")
def gateway(
    host: str, port: int, data_file: Path, settle_after_ms: int, answer_late_ms: int, shop: str | None, shop_token: str
) -> None:
    """Run the simulated payment gateway."""
    from aiohttp import web

    from cli.gateway.app import create_gateway_app
    from cli.gateway.payment_page import Shop
    from engine.settings import listed

    settings = settings_from_environment()
    check_port(host, port)
    secret = next(iter(listed(settings.callback_secrets)), "")
    app = create_gateway_app(
        data_file,
        settle_after_ms=settle_after_ms,
        answer_late_ms=answer_late_ms,
        shop=Shop(shop, secret, shop_token) if shop else None,
    )
    web.run_app(app, host=host, port=port, access_log=None, print=None)
