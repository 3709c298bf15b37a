"""The console over the shop of the storefront's tests, and over a server that asks for tokens; one browser."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from api.app import create_app
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.dev.embedded_cluster import EmbeddedCluster
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.conftest import _DATABASE
from tests.integration.api.shop.conftest import OpenShop, browser, open_shop
from tests.support.api.api_client import Front
from tests.support.postgres_users import API

__all__ = ["browser", "open_shop"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(
    open_shop: OpenShop, valkey: EmbeddedValkey | EmbeddedCluster, postgres: EmbeddedPostgres
) -> AsyncIterator[OpenShop]:
    """Another server of the same shop, which asks for tokens."""
    settings = Settings(
        redis_url=valkey.url,
        postgres_url=postgres.url(_DATABASE, API),
        partitions=3,
        auth="jwt",
        jwt_secret=SHARED,
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        yield OpenShop(str(client.make_url("/")).rstrip("/"), Front(client))
