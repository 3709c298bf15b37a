"""The fixtures of the system tests.

stack         the processes (tests/support/system/process_stack.py); their logs are shown when a test fails
storefront    a client of its API
dev_data      a data directory of `onsale dev`, to be copied (tests/support/system/dev_session.py)
database      where the stack keeps what it has in Postgres: the one that tests share, unless a test needs another
"""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.dev.embedded import EmbeddedPostgres
from tests.support.shared_database import SharedDatabase
from tests.support.system.dev_session import prepared_data
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront


class Database(NamedTuple):
    """A database and its server."""

    server: EmbeddedPostgres
    name: str


@pytest.fixture(scope="session")
def dev_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = tmp_path_factory.getbasetemp()
    of_all = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return prepared_data(of_all / "dev")


@pytest.fixture
def database(postgres: EmbeddedPostgres, shared_database: SharedDatabase) -> Database:
    shared_database.empty()
    return Database(postgres, shared_database.name)


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
