"""The console over the shop of the storefront's tests, and over a server that asks for tokens."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from api.app import create_app
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.dev.embedded_cluster import EmbeddedCluster
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.shop.conftest import OpenShop, emptied_servers, open_shop
from tests.support.api.api_client import Front
from tests.support.postgres_users import API
from tests.support.shared_database import SharedDatabase

__all__ = ["emptied_servers", "open_shop"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(
    open_shop: OpenShop,
    valkey: EmbeddedValkey | EmbeddedCluster,
    postgres: EmbeddedPostgres,
    emptied_servers: SharedDatabase,
) -> AsyncIterator[OpenShop]:
    """Another server of the same shop, which asks for tokens."""
    settings = Settings(
        redis_url=valkey.url,
        postgres_url=postgres.url(emptied_servers.name, API),
        partitions=3,
        auth="jwt",
        jwt_secret=SHARED,
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        yield OpenShop(str(client.make_url("/")).rstrip("/"), Front(client))
