"""Speed of writing outcomes into Postgres, and of reading reports from it.

    python -m loadtest.postgres --reservations 1000000

It starts a Valkey and a Postgres of its own, and fills the tables with reservations. Then an outbox is filled
with holds, payments, expiries and cancellations (loadtest/outbox_mix.py), and `onsale sync` runs until it is empty.
Reports are read last.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import click

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from engine.engine import Engine
from engine.errors import EngineBug
from engine.settings import PREFIX, Settings
from loadtest.bench.cpu import used_seconds
from loadtest.outbox_mix import EVENTS, FACTS_OF_A_HUNDRED, STATES_OF_A_HUNDRED, fill_outbox
from sync.migrations import migrate
from sync.outbox.catch_up import catch_up
from sync.postgres import Postgres
from sync.read_models.reports import REPORTS, Query, read_report

_PATIENCE_SECONDS = 600
_FACTS_PER_SECOND, _REPORT_SECONDS = 20_000, 1.0
_ROUNDS = 3
_LOOK_SECONDS = 0.05
_STARTED = '"sync_started"'

_STATES = "SELECT status, count(*) FROM reservations WHERE event_id = ANY ($1::integer[]) GROUP BY status"
_FILL = """
INSERT INTO events (id, name, starts_at, status)
  SELECT n, 'Event ' || n, now(), 'on_sale' FROM generate_series(1001, 1100) AS n;
INSERT INTO tickets (id, event_id, ticket_type, unit_minor, capacity)
  SELECT n, 1001 + n % 100, (ARRAY['VIP', 'Premium', 'Regular'])[n / 100], 2500, 9000
  FROM generate_series(100, 399) AS n;
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, ended_at, paid_at)
SELECT
  event_id || '-' || lpad(n::text, 16, '0'), event_id, 'customer-' || n % 400000, status,
  '{"first_name":"Islom","last_name":"Karimov"}', md5(n::text), 2, 5000, at, at + interval '15 minutes',
  at + interval '5 minutes', CASE WHEN status IN ('paid', 'refunded') THEN at + interval '5 minutes' END
FROM (
  SELECT
    n, 1001 + n % 100 AS event_id, now() - n * interval '80 milliseconds' AS at,
    (ARRAY['paid', 'paid', 'paid', 'paid', 'expired', 'cancelled', 'refunded'])[1 + n / 100 % 7] AS status
  FROM generate_series(1, $1::integer) AS n
) AS made;
INSERT INTO reservation_items
  (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket)
SELECT id, 0, 100 + 100 * (row_number() OVER () % 3) + event_id - 1001, 'x', 2, 2500, created_at, true
FROM reservations WHERE event_id > 1000
"""


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--facts", type=click.IntRange(1000), default=300_000, show_default=True, help="Facts in the outbox.")
@click.option(
    "--reservations", type=click.IntRange(1), default=1_000_000, show_default=True, help="Reservations in the reports."
)
def main(facts: int, reservations: int) -> None:
    """Prints facts a second and seconds a report. Status 1 if one of them is too slow."""
    with tempfile.TemporaryDirectory(prefix="onsale-postgres-") as name:
        folder = Path(name)
        with (
            EmbeddedValkey(folder / "valkey", folder / "valkey.log") as valkey,
            EmbeddedPostgres(folder / "postgres", folder / "postgres.log") as postgres,
        ):
            settings = Settings(redis_url=valkey.url, postgres_url=postgres.ensure_database("bench"))
            migrate(settings.postgres_url)
            asyncio.run(_fill_tables(settings, reservations))
            servers = {"Valkey": valkey.child, "Postgres": postgres.child}
            holds = [asyncio.run(_sync_keeps_up(settings, facts, folder, servers)), *asyncio.run(_reports(settings))]
    sys.exit(0 if all(holds) else 1)


async def _sync_keeps_up(settings: Settings, facts: int, folder: Path, servers: Mapping[str, Child]) -> bool:
    """Check that a sync worker empties a full outbox fast enough."""
    async with Engine(settings) as engine, Postgres(settings) as postgres:
        told = await fill_outbox(engine, max(1, facts // FACTS_OF_A_HUNDRED))
        environ = {
            **os.environ,
            f"{PREFIX}REDIS_URL": settings.redis_url,
            f"{PREFIX}POSTGRES_URL": settings.postgres_url,
        }
        sync = Child("sync", [sys.executable, "-m", "cli", "sync"], folder / "sync.log", environ=environ)
        sync.start()
        parts = {"sync": sync, **servers}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while _STARTED not in sync.log_file.read_text(encoding="utf-8"):  # noqa: ASYNC110  # another process
                    await asyncio.sleep(_LOOK_SECONDS)
                began = time.monotonic()
                before = {name: used_seconds(part.pid) for name, part in parts.items()}
                await catch_up(engine.redis, postgres, engine.keys, patience_seconds=_PATIENCE_SECONDS)
            seconds = time.monotonic() - began
            used = {name: (used_seconds(part.pid) - before[name]) / seconds for name, part in parts.items()}
        finally:
            sync.stop()
        await _check_states(postgres, told // FACTS_OF_A_HUNDRED)
    rate = told / seconds
    _tell(rate >= _FACTS_PER_SECOND, f"sync writes {rate:,.0f} facts a second, at least {_FACTS_PER_SECOND:,}")
    click.echo(f"     {told:,} facts; cores used: " + ", ".join(f"{name} {share:.2f}" for name, share in used.items()))
    return rate >= _FACTS_PER_SECOND


async def _check_states(postgres: Postgres, hundreds: int) -> None:
    """Raises EngineBug unless the tables have all facts."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(_STATES, list(EVENTS))
    known = {row["status"]: row["count"] for row in rows}
    if known != {state: number * hundreds for state, number in STATES_OF_A_HUNDRED.items()}:
        raise EngineBug(f"the tables have {known}")


async def _fill_tables(settings: Settings, reservations: int) -> None:
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        for statement in _FILL.split(";\n"):
            await connection.execute(statement.replace("$1", str(reservations)))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _reports(settings: Settings) -> list[bool]:
    """Check that each report, over all events and over one, was read in time."""
    judged = []
    async with Postgres(settings) as postgres:
        async with postgres.connection() as connection:
            await connection.execute("VACUUM ANALYZE")
            known = await connection.fetchval("SELECT count(*) FROM reservations")
        for name, report in REPORTS.items():
            for event_id in (None, 1001) if report.view_of_event else (None,):
                seconds = min([await _seconds(postgres, name, event_id) for _ in range(_ROUNDS)])
                judged.append(seconds <= _REPORT_SECONDS)
                of = "one event" if event_id else "all"
                _tell(judged[-1], f"report {name} of {of}: {seconds:.2f} s over {known:,} reservations, at most 1 s")
    return judged


async def _seconds(postgres: Postgres, name: str, event_id: int | None) -> float:
    began = time.monotonic()
    await read_report(postgres, name, Query(event_id))
    return time.monotonic() - began


def _tell(holds: bool, sentence: str) -> None:
    click.echo(f"{'ok  ' if holds else 'FAIL'} {sentence}")


if __name__ == "__main__":
    main()
