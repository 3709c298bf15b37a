"""The eraser beside the writer of facts, who writes many rows in another order."""

import asyncio

import msgspec
import pytest

from engine.inspection import server_time_ms
from engine.settings import Settings
from sync.personal_data.eraser import Eraser
from sync.personal_data.requests import read_erasure, request_erasure
from sync.postgres import PostgresAway
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.locks import locking
from tests.support.sync.lost_redis import written

_NAMED = "SELECT array_agg(id) FROM reservations WHERE details::text <> '{}'"
_NAMED_ETICKETS = "SELECT count(*) FROM etickets WHERE holder::text <> '{}'"


async def _caught_up(_eraser: Eraser) -> bool:
    return True


async def test_the_eraser_does_not_wait_while_it_has_rows(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer could wait for those: a deadlock. What somebody else writes is erased in another round."""

    rids = [await office.hold() for _ in range(3)]
    await written(office)
    now_ms = await server_time_ms(office.engine.redis)
    await request_erasure(office.postgres, "c1", now_ms)
    eraser = Eraser(settings, office.engine, office.postgres)
    with monkeypatch.context() as patch:
        patch.setattr(Eraser, "_caught_up", _caught_up)  # nobody writes what the commands tell
        async with locking(settings, "SELECT FROM reservations WHERE id = $1 FOR UPDATE", rids[1]):
            with pytest.raises(PostgresAway, match="somebody else writes"):
                async with asyncio.timeout(2):
                    await eraser.fulfil()
            assert await office.sql(_NAMED) == [rids[1]]
        await eraser.fulfil()
    assert await office.sql(_NAMED) is None
    erasure = await read_erasure(office.postgres, "c1")
    assert erasure is not None
    assert erasure.done_ms is None, "a request that began before may bring them back"


async def test_retention_finds_an_eticket_again_that_somebody_wrote(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the names of its reservation, by which retention finds it: those go last."""
    rid = await office.hold()
    await office.pay(rid)
    await written(office)
    await office.sql("UPDATE events SET starts_at = now() - interval '1 day'")
    await office.sql("UPDATE reservations SET ended_at = now() - interval '1 day'")
    assert await office.sql(_NAMED_ETICKETS) == 1
    eraser = Eraser(msgspec.structs.replace(settings, personal_data_seconds=60), office.engine, office.postgres)
    monkeypatch.setattr(Eraser, "_caught_up", _caught_up)  # as if Redis had none of it
    async with locking(settings, "SELECT FROM etickets WHERE reservation_id = $1 FOR UPDATE", rid):
        with pytest.raises(PostgresAway, match="somebody else writes"):
            await eraser.erase_old()
    await eraser.erase_old()
    assert await office.sql(_NAMED_ETICKETS) == 0
    assert await office.sql(_NAMED) is None
