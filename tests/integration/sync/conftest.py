from collections.abc import AsyncIterator

import pytest

from engine.engine import Engine
from engine.settings import Settings
from sync.postgres import Postgres
from tests.support.sync.box_office import BoxOffice


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Postgres]:
    async with Postgres(settings) as pool:
        yield pool


@pytest.fixture
async def office(settings: Settings, engine: Engine, pool: Postgres) -> BoxOffice:
    office = BoxOffice(settings, engine, pool)
    await office.open()
    return office
