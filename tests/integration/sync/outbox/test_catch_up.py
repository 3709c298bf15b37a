"""Waiting until Postgres has what Redis had."""

import asyncio
import time

import msgspec

from engine.server import connect
from sync.outbox.catch_up import catch_up
from tests.support.sync.box_office import BoxOffice, running

_PATIENCE_SECONDS = 5.0


async def _catch_up(office: BoxOffice, *, patience_seconds: float = _PATIENCE_SECONDS) -> bool:
    return await catch_up(office.engine.redis, office.postgres, office.engine.keys, patience_seconds=patience_seconds)


async def test_after_the_wait_postgres_has_earlier_outcomes(office: BoxOffice) -> None:
    assert await _catch_up(office)  # of nothing, without any worker
    rid = await office.hold()
    waiting = asyncio.create_task(_catch_up(office))
    await asyncio.sleep(0)
    assert await office.statuses() == {}
    async with running(office.reader().run()):
        assert await waiting
        assert await office.statuses() == {rid: "held"}


async def test_later_outcomes_do_not_prolong_the_wait(office: BoxOffice) -> None:
    """Else a busy sale would keep a list waiting for ever."""
    await office.hold()

    async def sell() -> None:
        while True:
            await office.cancel(await office.hold())

    async with running(sell(), office.reader().run()):
        assert await _catch_up(office)


async def test_it_gives_up_where_nobody_writes(office: BoxOffice) -> None:
    await office.hold()
    began = time.monotonic()
    assert not await _catch_up(office, patience_seconds=0.05)
    assert time.monotonic() - began < _PATIENCE_SECONDS


async def test_without_redis_nobody_knows_what_is_missing(office: BoxOffice) -> None:
    nowhere = connect(msgspec.structs.replace(office.settings, redis_url="redis://127.0.0.1:1/0"), 1)
    try:
        assert not await catch_up(nowhere, office.postgres, office.engine.keys, patience_seconds=_PATIENCE_SECONDS)
    finally:
        await nowhere.aclose()
