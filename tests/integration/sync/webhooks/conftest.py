from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
import pytest

from engine.engine import Engine
from engine.settings import Settings
from sync.postgres import Postgres
from sync.webhooks.endpoints import Webhooks
from sync.webhooks.messages import WebhookEvent
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.webhook_receiver import Receiver

Register = Callable[..., Awaitable[tuple[int, Receiver]]]


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Pauses that a test can wait for."""
    return msgspec.structs.replace(
        settings, webhook_networks="127.0.0.0/8", webhook_retry_ms=20, webhook_timeout_ms=1000, sync_poll_ms=20
    )


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Postgres]:
    async with Postgres(settings) as pool:
        yield pool


@pytest.fixture
async def office(settings: Settings, engine: Engine, pool: Postgres) -> BoxOffice:
    office = BoxOffice(settings, engine, pool)
    await office.open(capacity=1000)
    return office


@pytest.fixture
def webhooks(pool: Postgres) -> Webhooks:
    return Webhooks(pool)


@pytest.fixture
async def register(webhooks: Webhooks) -> AsyncIterator[Register]:
    """Starts receivers and registers them; their ids."""
    async with AsyncExitStack() as stack:

        async def start(*events: WebhookEvent) -> tuple[int, Receiver]:
            receiver = Receiver()
            await stack.enter_async_context(receiver.server)
            made = await webhooks.create(receiver.url, events or list(WebhookEvent), "")
            assert made is not None
            receiver.secret = made.secret
            return made.webhook.webhook_id, receiver

        yield start
