"""How fast outcomes get into Postgres, and how fast reports come out of it.

    python -m loadtest.postgres --reservations 1000000

It starts a Valkey and a Postgres of its own. The outbox is filled first (all holds, then all payments, so that few
facts of a reservation are folded into others of the same batch); then `onsale sync` runs until it is empty. Reports are
read when the tables have been filled up to the wanted number of reservations.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg
import click

from cli.children import Child
from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from engine.commands import BeginPayment, Command, ConfirmPayment, Hold, PutEvent
from engine.engine import Engine
from engine.faults import EngineBug
from engine.ids import new_reservation_id
from engine.records import PoolCapacity, Terms, TicketTerms
from engine.results import Held, Paid, Paying, Result
from engine.settings import PREFIX, Settings
from engine.words import EventStatus
from sync.catching_up import catch_up
from sync.migrations import migrate
from sync.postgres import Postgres
from sync.reports import REPORTS, Report, read_report

_EVENTS = 16
_UNIT_MINOR = 2500
_DETAILS = '{"first_name":"Islom","last_name":"Karimov"}'
_AT_ONCE = 8192
_PATIENCE_SECONDS = 600
_FACTS_PER_SECOND, _REPORT_SECONDS = 20_000, 1.0
_ROUNDS = 3
_LOOK_SECONDS = 0.05
_STARTED = '"sync_started"'

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
@click.option("--facts", type=click.IntRange(1000), default=300_000, show_default=True, help="In the outbox.")
@click.option("--reservations", type=click.IntRange(1), default=1_000_000, show_default=True, help="That reports read.")
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
            holds = [asyncio.run(_facts_per_second(settings, facts // 3, folder)) >= _FACTS_PER_SECOND]
            holds += asyncio.run(_reports(settings, reservations))
    sys.exit(0 if all(holds) else 1)


async def _facts_per_second(settings: Settings, reservations: int, folder: Path) -> float:
    async with Engine(settings) as engine, Postgres(settings) as postgres:
        await _fill_outbox(engine, reservations)
        environ = {
            **os.environ,
            f"{PREFIX}REDIS_URL": settings.redis_url,
            f"{PREFIX}POSTGRES_URL": settings.postgres_url,
        }
        sync = Child("sync", [sys.executable, "-m", "cli", "sync"], folder / "sync.log", environ=environ)
        sync.start()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while _STARTED not in sync.log_file.read_text(encoding="utf-8"):  # noqa: ASYNC110  # another process
                    await asyncio.sleep(_LOOK_SECONDS)
                began = time.monotonic()
                await catch_up(engine.redis, postgres, engine.keys, patience_seconds=_PATIENCE_SECONDS)
            rate = 3 * reservations / (time.monotonic() - began)
        finally:
            sync.stop()
    _tell(rate >= _FACTS_PER_SECOND, f"sync writes {rate:,.0f} facts a second, at least {_FACTS_PER_SECOND:,}")
    return rate


async def _fill_outbox(engine: Engine, reservations: int) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, 6 * 3_600_000, 100, [TicketTerms(1, ["1"], _UNIT_MINOR, False)])
    for event_id in range(1, _EVENTS + 1):
        await engine.submit(PutEvent(event_id, terms, [PoolCapacity("1", reservations)]))
    made = [new_reservation_id(number % _EVENTS + 1) for number in range(reservations)]
    numbered = list(enumerate(made))
    phases: list[tuple[type[Result], Callable[[int, str], Command[Result]]]] = [
        (Held, lambda number, rid: Hold(rid, number % _EVENTS + 1, f"customer-{number}", _DETAILS, "digest", [(1, 1)])),
        (Paying, lambda _, rid: BeginPayment(rid, f"pay-{rid}", _UNIT_MINOR, "digest")),
        (Paid, lambda _, rid: ConfirmPayment(rid, f"pay-{rid}")),
    ]
    for expected, command in phases:
        for first in range(0, len(numbered), _AT_ONCE):
            part = numbered[first : first + _AT_ONCE]
            results: Sequence[Result] = await asyncio.gather(*(engine.submit(command(*each)) for each in part))
            if not all(isinstance(result, expected) for result in results):
                raise EngineBug(f"not all are {expected.__name__}")


async def _reports(settings: Settings, reservations: int) -> list[bool]:
    """Whether each report, over all events and over one, was read in time."""
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        for statement in _FILL.split(";\n"):
            await connection.execute(statement.replace("$1", str(reservations)))
        await connection.execute("VACUUM ANALYZE")
        known = await connection.fetchval("SELECT count(*) FROM reservations")
    finally:
        await connection.close()
    judged = []
    async with Postgres(settings) as postgres:
        for name, report in REPORTS.items():
            for event_id in (None, 1001) if report.view_of_event else (None,):
                seconds = min([await _seconds(postgres, report, event_id) for _ in range(_ROUNDS)])
                judged.append(seconds <= _REPORT_SECONDS)
                of = "one event" if event_id else "all"
                _tell(judged[-1], f"report {name} of {of}: {seconds:.2f} s over {known:,} reservations, at most 1 s")
    return judged


async def _seconds(postgres: Postgres, report: Report, event_id: int | None) -> float:
    began = time.monotonic()
    await read_report(postgres, report, event_id, 1000)
    return time.monotonic() - began


def _tell(holds: bool, sentence: str) -> None:
    click.echo(f"{'ok  ' if holds else 'FAIL'} {sentence}")


if __name__ == "__main__":
    main()
