"""The audit of waiting rooms: their draw and their places in line, in Redis and in Postgres."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.commands.waiting_rooms import LeaveQueue
from engine.settings import Settings
from sync.audit.audit import audit
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.waiting_rooms import join_all, look, open_room
from tests.support.waiting import wait_until


async def test_rooms_are_clean_while_sync_is_behind_and_after_the_draw(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
        assert await audit(settings) == []
    await office.engine.submit(LeaveQueue(event_id, "c1"))
    await office.catalogue.update_event(event_id, {"sale_opens_at": datetime.now(UTC) - timedelta(seconds=1)})
    assert (await look(office.engine, event_id)).cohort == 13
    (breach,) = await audit(settings)
    assert breach.startswith("sync has not caught up"), "what is still in the outbox is no difference"
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
        assert await audit(settings) == []


@pytest.mark.damages_keys
async def test_damage_to_rooms_is_named(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    room = office.keys.queue(event_id)
    secret = await office.engine.redis.hget(room, "secret")
    in_redis: list[tuple[tuple[object, ...], tuple[object, ...], str]] = [
        (("HSET", f"{room}:places", "c1", "2 0 0 0"), ("HSET", f"{room}:places", "c1", "1 0 0 0"), "11: c1 and c2"),
        (
            ("HSET", f"{room}:places", "c1", "99 0 0 0"),
            ("HSET", f"{room}:places", "c1", "1 0 0 0"),
            "11: the wait",
        ),
        (("HDEL", f"{room}:places", "c1"), ("HSET", f"{room}:places", "c1", "1 0 0 0"), "c1 has index None"),
        (("ZADD", f"{room}:inside", "1", "c2"), ("ZREM", f"{room}:inside", "c2"), "11: c2 has a pass"),
        (("HSET", room, "idle", "1"), ("HSET", room, "idle", "0"), "11: 0 passes"),
        (("HSET", room, "secret", "00"), ("HSET", room, "secret", secret), "another secret"),
        (("HDEL", room, "secret"), ("HSET", room, "secret", secret), "is not in Redis"),
    ]
    in_postgres = [
        ("UPDATE queue_rooms SET cohort = $1", (5,), (None,), "another cohort"),
        ("UPDATE queue_places SET number = number + $1 WHERE customer_id = 'c9'", (100,), (-100,), "c9 has index 9"),
    ]
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
        for damage, repair, told in in_redis:
            await office.engine.redis.execute_command(*damage)
            breaches = await audit(settings)
            await office.engine.redis.execute_command(*repair)
            assert any(told in breach for breach in breaches), (damage, breaches)
        for query, wrong, right, told in in_postgres:
            await office.sql(query, *wrong)
            breaches = await audit(settings)
            await office.sql(query, *right)
            assert any(told in breach for breach in breaches), (query, breaches)
        assert await audit(settings) == []
