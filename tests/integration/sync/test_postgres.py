"""Transactions that Postgres undoes for the sake of others: no outage, and no end of a process."""

import asyncio

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.settings import Settings
from sync.postgres import Postgres, PostgresAway, RolledBack, own_connection
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.locks import is_waited_for, locking
from tests.support.waiting import wait_until

_LOCK = "SELECT FROM events WHERE id = $1 FOR UPDATE"


async def test_a_deadlock_ends_one_transaction_and_is_no_outage(office: BoxOffice) -> None:
    first = office.event.event_id
    await office.open()
    second = office.event.event_id
    with capture_logs() as logs:
        async with office.postgres.transaction() as one:
            await one.execute(_LOCK, first)

            async def other() -> None:
                async with office.postgres.transaction() as connection:
                    await connection.execute(_LOCK, second)
                    await connection.execute(_LOCK, first)

            waiting = asyncio.ensure_future(other())
            await wait_until(lambda: is_waited_for(one), what="the other transaction waits")
            # Postgres undoes the one that looks for a deadlock first. That is the one that has waited longer.
            await one.execute(_LOCK, second)
        with pytest.raises(RolledBack, match="deadlock detected"):
            await waiting
    assert [line["event"] for line in logs] == ["transaction_rolled_back"]


async def test_who_waits_for_a_lock_in_vain_leaves_nothing_behind(office: BoxOffice, settings: Settings) -> None:
    """Neither a session that waits for ever, nor a line about an outage."""
    hasty = replace(settings, postgres_timeout_ms=2000)
    with capture_logs() as logs:
        async with locking(settings, "SELECT FROM events FOR UPDATE") as holder, Postgres(hasty) as postgres:
            with pytest.raises(RolledBack, match="lock timeout"):
                async with postgres.transaction() as connection:
                    await connection.execute(_LOCK, office.event.event_id)
            assert not await is_waited_for(holder)
    assert [line["event"] for line in logs] == ["transaction_rolled_back"]


async def test_a_statement_ends_though_its_client_has_gone(settings: Settings) -> None:
    """The client has no patience left, and cannot say so any more."""
    async with own_connection(settings, "test") as watch:
        async with Postgres(replace(settings, postgres_timeout_ms=200)) as postgres:
            with pytest.raises(PostgresAway):
                async with postgres.connection() as connection:
                    await connection.execute("SELECT pg_sleep(60)")
        working = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"

        async def is_idle() -> bool:
            return not await watch.fetchval(working)

        await wait_until(is_idle, what="the statement ends")


async def test_a_table_that_a_migration_changes_costs_one_transaction(settings: Settings) -> None:
    async with Postgres(replace(settings, postgres_pool=1)) as postgres:
        async with postgres.connection() as connection:
            await connection.execute("CREATE TEMPORARY TABLE changing (id integer)")
            await connection.fetch("SELECT * FROM changing")
            await connection.execute("ALTER TABLE changing ADD COLUMN more text")
        with pytest.raises(RolledBack, match="cached statement plan"):
            async with postgres.transaction() as connection:
                await connection.fetch("SELECT * FROM changing")
        async with postgres.transaction() as connection:
            await connection.fetch("SELECT * FROM changing")
