"""The runbook's commands, as they stand there."""

import re
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from cli.dev.embedded import EmbeddedPostgres
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until
from tests.system.conftest import Database

_TIMEOUT_SECONDS = 10


@pytest.fixture
def database(postgres: EmbeddedPostgres, own_database: str) -> Database:
    """It is lost, so it is nobody else's."""
    return Database(postgres, own_database)


@pytest.fixture
def commands(repository: Path) -> list[str]:
    """To upgrade, to make a backup, to restore Redis, to restore Postgres."""
    page = (repository / "docs" / "runbook.md").read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


async def empty_again(database: Database) -> None:
    """A database without anything, in the place of the one that was lost."""
    admin = await asyncpg.connect(database.server.url(), timeout=_TIMEOUT_SECONDS)
    try:
        await admin.execute(f'DROP DATABASE "{database.name}" WITH (FORCE)', timeout=_TIMEOUT_SECONDS)
        await admin.execute(f'CREATE DATABASE "{database.name}"', timeout=_TIMEOUT_SECONDS)
    finally:
        await admin.close(timeout=_TIMEOUT_SECONDS)


async def test_sales_survive_an_upgrade_and_the_loss_of_either_server(
    commands: list[str], stack: Stack, storefront: Storefront, database: Database
) -> None:
    upgrade, back_up, restore_redis, restore_postgres = commands
    await stack.start("gateway", "sync", "api")
    event = await storefront.create_event(capacity=5)
    stack.shell(upgrade)
    held, paid = [(await storefront.hold(event.ticket_id, customer)).body["id"] for customer in ("1", "2")]
    assert (await storefront.pay(paid)).status == 200

    async def states() -> list[str]:
        return [(await storefront.reservation(rid)).body["status"] for rid in (held, paid)]

    listed = "/v1/reservations?status=paid"
    await wait_until(lambda: _lists_one(storefront, listed), what="the outcome is in Postgres")
    for name in ("api", "sync"):
        await stack.stop(name)
    stack.shell(back_up)

    await empty_again(database)
    stack.shell(restore_postgres)
    with Redis(port=stack.valkey.port, socket_timeout=_TIMEOUT_SECONDS) as redis:
        redis.flushall()
    stack.shell(restore_redis)

    await stack.start("sync", "api")
    assert await states() == ["held", "paid"]
    assert (await storefront.ticket(event.ticket_id))["available"] == 3
    assert await _lists_one(storefront, listed)


async def _lists_one(storefront: Storefront, path: str) -> bool:
    return len((await storefront.ask("GET", path)).body["items"]) == 1
