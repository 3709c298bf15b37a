"""The API on real servers, with a gateway that runs here and a ledger that shows whether money was taken."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web_urldispatcher
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser

from api.app import create_app
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.gateway.app import create_gateway_app
from engine.engine import Engine
from engine.settings import Settings
from payments.resolver import run_resolver
from sync.worker import run_sync
from tests.support.api.api_client import Front, ticket
from tests.support.api.buyer import chromium
from tests.support.api.sample_requests import BOOKING, HALL, TIMED_EVENT, WEBHOOK, World
from tests.support.api.two_event_carts import Tour, open_tour
from tests.support.invariants import check_invariants
from tests.support.postgres_users import API, SYNC
from tests.support.shared_database import SharedDatabase

StartApi = Callable[..., Awaitable[Front]]

# It quotes all pieces of all paths when an application is made, which takes half of that time. They are the same in
# each of a thousand tests.
web_urldispatcher._quote_path = cache(web_urldispatcher._quote_path)

_NO_PATIENCE_MS = 5
_SETTLE_AFTER_MS = 300
_GATEWAY_TIMEOUT_MS = 2000
"""The API's patience, as a busy machine may be slow. The resolver waits for half as long."""

_POSTGRES_TIMEOUT_MS = 30_000
"""Longer than usual, as a test run fills the disk's queue: nobody waits for Postgres in vain here."""


@pytest.fixture
def settings(engine_settings: Settings, shared_database: SharedDatabase) -> Settings:
    """As everywhere in the tests, but ids go on where the test before left off: none is 1 by chance."""
    shared_database.empty(new_ids=False)
    return msgspec.structs.replace(engine_settings, postgres_url=shared_database.url)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server that the test may stop."""
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log") as server:
        yield server
        check_invariants(server.url)


class GatewayLedger:
    """The gateway's stored state."""

    def __init__(self, data_file: Path) -> None:
        self.data_file = data_file

    def kept(self) -> list[int]:
        """The amounts that were charged and not refunded."""
        return self._amounts("state = 'completed' AND returned IS NULL")

    def returned(self) -> list[int]:
        """The amounts that were charged and refunded."""
        return self._amounts("state = 'completed' AND returned = amount")

    def pending(self) -> list[str]:
        """The ids of charges of which nobody knows yet."""
        with sqlite3.connect(self.data_file) as db:
            rows = db.execute("SELECT id FROM charges WHERE state = 'pending'").fetchall()
        db.close()
        return [str(charge_id) for (charge_id,) in rows]

    def refunds(self) -> dict[str, int]:
        """The refunds, by reservation."""
        with sqlite3.connect(self.data_file) as db:
            rows = db.execute("SELECT id, amount FROM refunds").fetchall()
        db.close()
        return {str(refund_id): int(amount) for refund_id, amount in rows}

    def complete_late(self, charge_id: str, amount: int) -> None:
        """The gateway takes money that it had said would not come, as a real one may."""
        with sqlite3.connect(self.data_file) as db:
            db.execute(
                "INSERT INTO charges VALUES (?, ?, 'EUR', 'tok_visa', 'completed', NULL, 0) "
                "ON CONFLICT DO UPDATE SET amount = excluded.amount, currency = excluded.currency, "
                "state = 'completed', reason = NULL",
                (charge_id, amount),
            )
        db.close()

    def _amounts(self, condition: str) -> list[int]:
        with sqlite3.connect(self.data_file) as db:
            charges = (
                "SELECT *, (SELECT sum(amount) FROM refunds WHERE charge_id = charges.id) AS returned FROM charges"
            )
            rows = db.execute(f"SELECT amount FROM ({charges}) WHERE {condition}").fetchall()  # noqa: S608  # ours
        db.close()
        return [int(amount) for (amount,) in rows]


class SlowGateway:
    """Holds answers of the gateway back while it is closed; what it was asked is done and in its ledger."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, _request: object, _response: object) -> None:
        async with asyncio.timeout(30):
            await self.open.wait()


@pytest.fixture
def ledger(tmp_path: Path) -> GatewayLedger:
    return GatewayLedger(tmp_path / "ledger.db")


@pytest.fixture
def slow_gateway() -> SlowGateway:
    return SlowGateway()


@pytest.fixture
async def gateway_url(ledger: GatewayLedger, slow_gateway: SlowGateway) -> AsyncIterator[str]:
    app = create_gateway_app(ledger.data_file, settle_after_ms=_SETTLE_AFTER_MS)
    app.on_response_prepare.append(slow_gateway)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def shop(settings: Settings, gateway_url: str) -> Settings:
    """The settings that all processes of a test share."""
    return msgspec.structs.replace(
        settings,
        partitions=3,
        gateway_url=gateway_url,
        gateway_timeout_ms=1000,
        postgres_timeout_ms=_POSTGRES_TIMEOUT_MS,
        resolve_after_ms=1,
        resolve_interval_ms=50,
        sync_poll_ms=50,
        sweep_interval_ms=50,
        purge_interval_ms=50,
        max_manifest_bytes=1_000_000,
        webhook_networks="127.0.0.0/8",
    )


@pytest.fixture
async def start_api(
    request: pytest.FixtureRequest, shop: Settings, postgres: EmbeddedPostgres, shared_database: SharedDatabase
) -> AsyncIterator[StartApi]:
    """Starts API processes, so to speak: several are as separate as on several machines. Each is a user of Postgres.

    Their lists wait for the sync worker only in tests that have one.
    """
    has_sync = "sync" in request.fixturenames or hasattr(request.module, run_sync.__name__)
    patience = {} if has_sync else {"list_patience_ms": _NO_PATIENCE_MS}
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Front:
            own = {
                "postgres_url": postgres.url(shared_database.name, API),
                "gateway_timeout_ms": _GATEWAY_TIMEOUT_MS,
                **patience,
            } | changes
            app = create_app(msgspec.structs.replace(shop, **own))
            return Front(await stack.enter_async_context(TestClient(TestServer(app))))

        yield start


@pytest.fixture
async def front(start_api: StartApi) -> Front:
    return await start_api()


@pytest.fixture
def sync_url(postgres: EmbeddedPostgres, shared_database: SharedDatabase) -> str:
    """The database for the user that the sync worker is."""
    return postgres.url(shared_database.name, SYNC)


@pytest.fixture
async def sync(shop: Settings, sync_url: str) -> AsyncIterator[None]:
    """The sync worker, at work."""
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_sync(msgspec.structs.replace(shop, postgres_url=sync_url)))
        yield
        worker.cancel()


@asynccontextmanager
async def resolving(settings: Settings) -> AsyncIterator[None]:
    """The resolver, at work with settings of its own."""
    async with Engine(settings) as engine, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_resolver(settings, engine))
        yield
        running.cancel()


@pytest.fixture
async def world(front: Front) -> World:
    event = await front.event(50)
    ticket_id = event["tickets"][0]["id"]
    held, paid = await front.held((ticket_id, 1)), await front.paid((ticket_id, 1))
    venue = (await front.call("POST", "/v1/venues", HALL)).body
    section_id = venue["sections"][0]["id"]
    seated = ticket("Stalls", 0) | {"section_ids": [section_id]}
    del seated["capacity"]
    seated_event = await front.event(venue_id=venue["id"], tickets=[seated])
    seats = (await front.get(f"/v1/events/{seated_event['id']}/sections/{section_id}/seats")).body["items"]
    timed = (await front.call("POST", "/v1/events", TIMED_EVENT)).body
    booking = (await front.call("POST", f"/v1/events/{timed['id']}/bookings", BOOKING)).body
    webhook = (await front.call("POST", "/v1/webhooks", WEBHOOK)).body
    delivery = (await front.call("POST", f"/v1/webhooks/{webhook['id']}/test")).body
    return World(
        event["id"],
        ticket_id,
        held,
        paid,
        venue,
        seated_event["id"],
        seated_event["tickets"][0]["id"],
        seats[0]["seat_id"],
        booking,
        webhook["id"],
        delivery["id"],
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser of all people in the tests of a worker; each has a context of its own."""
    async with chromium() as running:
        yield running


@pytest.fixture
async def tour(front: Front) -> Tour:
    return await open_tour(front)
