"""The fixtures of the system tests.

stack         the processes (tests/support/system/process_stack.py); their logs are shown when a test fails
storefront    a client of its API
database      where the stack keeps what it has in Postgres: on the server that tests share, unless a test needs another
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from cli.dev.embedded import EmbeddedPostgres
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront

_TIMEOUT_SECONDS = 30


class Database(NamedTuple):
    """A database and its server."""

    server: EmbeddedPostgres
    name: str


@pytest.fixture
def database(postgres: EmbeddedPostgres, migrated_template: str, database_numbers: Iterator[int]) -> Database:
    name = f"onsale_{next(database_numbers)}"
    asyncio.run(_copy_database(postgres.url(), migrated_template, name))
    return Database(postgres, name)


@pytest.fixture
def stack(tmp_path: Path, database: Database) -> Iterator[Stack]:
    with Stack(tmp_path, *database) as stack:
        yield stack


@pytest.fixture
async def storefront(stack: Stack) -> AsyncIterator[Storefront]:
    async with Storefront.at(stack.api_url) as storefront:
        yield storefront


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections.append(("logs of the processes", stack.logs()))
    return report


async def _copy_database(url: str, template: str, name: str) -> None:
    admin = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"', timeout=_TIMEOUT_SECONDS)
    finally:
        await admin.close(timeout=_TIMEOUT_SECONDS)
