"""One shop for a module: API, gateway and worker in the session's event loop, which is that of the browser."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from api.app import create_app
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.gateway.app import create_gateway_app
from cli.gateway.payment_page import Shop
from cli.ports import free_port
from engine.settings import Settings
from sync.worker import run_sync
from tests.support.api.api_client import Front
from tests.support.invariants import check_invariants
from tests.support.postgres_users import API, SYNC
from tests.support.redis_nodes import primaries
from tests.support.shared_database import SharedDatabase

_SETTLE_AFTER_MS = 300


class OpenShop(NamedTuple):
    """A shop that sells: its address, and a client of its API."""

    url: str
    front: Front


@pytest.fixture(scope="module")
def emptied_servers(valkey: EmbeddedValkey | EmbeddedCluster, shared_database: SharedDatabase) -> SharedDatabase:
    with primaries(valkey.url) as nodes:
        for redis in nodes:
            redis.flushall()
    shared_database.empty()
    return shared_database


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def open_shop(
    valkey: EmbeddedValkey | EmbeddedCluster,
    postgres: EmbeddedPostgres,
    emptied_servers: SharedDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[OpenShop]:
    """The shop, without events."""
    url = f"http://127.0.0.1:{free_port()}"
    gateway = create_gateway_app(
        Path(tmp_path_factory.mktemp("shop")) / "ledger.db", settle_after_ms=_SETTLE_AFTER_MS, shop=Shop(url)
    )
    async with TestServer(gateway) as gateway_server:
        gateway_url = str(gateway_server.make_url("/"))
        settings = Settings(
            redis_url=valkey.url,
            postgres_url=postgres.url(emptied_servers.name, API),
            auth="off",
            partitions=3,
            gateway_url=gateway_url,
            payment_page=f"{gateway_url}pay",
            sweep_interval_ms=50,
            max_manifest_bytes=1_000_000,
        )
        server = TestServer(create_app(settings), port=int(url.rpartition(":")[2]))
        async with TestClient(server) as client, asyncio.TaskGroup() as group:
            worker = msgspec.structs.replace(settings, postgres_url=postgres.url(emptied_servers.name, SYNC))
            syncing = group.create_task(run_sync(worker))
            yield OpenShop(url, Front(client))
            syncing.cancel()
    check_invariants(valkey.url)
