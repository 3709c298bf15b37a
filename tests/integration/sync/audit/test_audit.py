"""The audit is silent while all is well, also under way, and names each kind of damage."""

import asyncio

import pytest

import sync.audit.audit
from engine.settings import Settings
from sync.audit.audit import audit
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.timed_event_sales import SlotOffice
from tests.support.waiting import wait_until


@pytest.fixture
async def sold(office: BoxOffice, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """One reservation of each kind, by name; all in Postgres."""
    monkeypatch.setattr(sync.audit.audit, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(sync.audit.audit, "_LOOK_SECONDS", 0.05)
    rids = {name: await office.hold(2, name) for name in ("held", "paying", "paid", "cancelled", "refunded", "kept")}
    await office.begin(rids["paying"])
    await office.pay(rids["paid"])
    await office.cancel(rids["cancelled"])
    await office.refund(rids["refunded"], await office.pay(rids["refunded"]))
    await office.refund(rids["kept"], await office.pay(rids["kept"]), restock=False)
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    return rids


@pytest.mark.usefixtures("sold")
async def test_all_is_well(settings: Settings) -> None:
    assert await audit(settings) == []


async def test_it_is_exact_while_sales_go_on(office: BoxOffice, settings: Settings) -> None:
    await office.open(capacity=100_000)
    bought = 0

    async def sell() -> None:
        nonlocal bought
        while True:
            rid = await office.hold(1, f"c{bought % 97}")
            await office.pay(rid) if bought % 2 else await office.cancel(rid)
            bought += 1

    async with running(sell(), office.reader().run()):
        for _ in range(3):
            before = bought
            assert await audit(settings) == []
            assert bought > before, "nothing was sold meanwhile"


async def test_unwritten_outcomes_are_counted_and_reported(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.audit.audit, "_PATIENCE_SECONDS", 0.5)
    await office.hold()
    (breach,) = await audit(settings)
    assert breach.startswith("sync has not caught up")

    async def late() -> None:
        await asyncio.sleep(0.1)
        await office.reader().run()

    async with running(late()):
        assert await audit(settings) == []


def _pool(office: BoxOffice, counters: str) -> tuple[str, ...]:
    return ("HSET", office.keys.pools, f"{office.event.event_id}/{office.ticket_id}", counters)


@pytest.mark.damages_keys
async def test_damage_to_redis_is_named(office: BoxOffice, settings: Settings, sold: dict[str, str]) -> None:
    keys, held, paying, paid = office.keys, sold["held"], sold["paying"], sold["paid"]
    field = f"{office.event.event_id}/{office.ticket_id}"
    good = (await office.engine.redis.hmget(keys.pools, [field]))[0]
    assert good is not None
    record = (await office.engine.redis.hmget(keys.ledger, [held]))[0]
    doors = f"{keys.doors(office.event.event_id)}:etickets"
    eticket = (await office.engine.redis.hmget(doors, ["0"]))[0]
    damages: list[tuple[tuple[object, ...], tuple[object, ...], str]] = [
        (_pool(office, "100 95 2 2 2 2"), ("HSET", keys.pools, field, good), "1: "),
        (_pool(office, "100 91 3 2 2 2"), ("HSET", keys.pools, field, good), "2: "),
        (
            _pool(office, "100 87 2 2 7 2"),
            ("HSET", keys.pools, field, good),
            "7 places sold and 2 kept, Postgres 2 paid or booked and 2 kept",
        ),
        (
            _pool(office, "100 91 2 2 2 3"),
            ("HSET", keys.pools, field, good),
            "2 places sold and 3 kept, Postgres 2 paid or booked and 2 kept",
        ),
        (
            ("ZREM", keys.deadlines, held),
            ("ZADD", keys.deadlines, (await office.record(held)).deadline_ms, held),
            f"3: {held}",
        ),
        (("PERSIST", keys.hold(held)), ("PEXPIREAT", keys.hold(held), (await office.record(held)).deadline_ms), "3: "),
        (("ZREM", keys.unsettled, paying), ("ZADD", keys.unsettled, 1, paying), f"4: {paying}"),
        (("HDEL", keys.ledger, held), ("HSET", keys.ledger, held, record), f"5: {held}"),
        (("PERSIST", keys.hold(paid)), ("PEXPIRE", keys.hold(paid), 86_400_000), f"5: {paid}"),
        (
            ("HSET", keys.customers, f"{office.event.event_id}/paid", "3"),
            ("HSET", keys.customers, f"{office.event.event_id}/paid", "2"),
            "6: customer paid",
        ),
        (("HDEL", doors, "0"), ("HSET", doors, "0", eticket), "13: event"),
        (("HINCRBY", keys.meta, "seq", 1), ("HINCRBY", keys.meta, "seq", -1), "7: "),
    ]
    for damage, repair, told in damages:
        await office.engine.redis.execute_command(*damage)
        breaches = await audit(settings)
        await office.engine.redis.execute_command(*repair)
        assert any(told in breach for breach in breaches), (damage, breaches)
    assert await audit(settings) == []


async def test_damage_to_postgres_is_named(office: BoxOffice, settings: Settings, sold: dict[str, str]) -> None:
    paid, held, cancelled = sold["paid"], sold["held"], sold["cancelled"]
    assert office.keys.partition == 1
    damages = [
        ("UPDATE reservations SET status = $1 WHERE id = $2", ("expired", paid), ("paid", paid), paid),
        ("UPDATE reservations SET digest = $1 WHERE id = $2", ("other", held), ("digest", held), held),
        ("UPDATE reservations SET status = $1 WHERE id = $2", ("held", cancelled), ("cancelled", cancelled), cancelled),
        ("UPDATE reservation_items SET quantity = $1 WHERE reservation_id = $2", (7, paid), (2, paid), "2 places sold"),
        ("UPDATE etickets SET status = $1 WHERE reservation_id = $2", ("void", paid), ("valid", paid), f"13: {paid}"),
        ("UPDATE etickets SET issue = $1 WHERE reservation_id = $2", (1, paid), (0, paid), "issue=1"),
        ("UPDATE outbox_offsets SET sequence = sequence + $1 WHERE sequence > 0", (1,), (-1,), "7: "),
        ("UPDATE outbox_offsets SET sequence = sequence + $1 WHERE sequence > 0", (-1,), (1,), "7: "),
    ]
    for query, damage, repair, told in damages:
        await office.sql(query, *damage)
        breaches = await audit(settings)
        await office.sql(query, *repair)
        assert any(told in breach for breach in breaches), (query, damage, breaches)

    await office.sql("INSERT INTO dead_letters VALUES (DEFAULT, 1, 0, 0, '', 'x')")
    assert await audit(settings) == ["1 facts of partition 1 are dead letters"]
    await office.sql("DELETE FROM reservations WHERE id = $1", held)
    assert f"{held} is held in Redis, and not in Postgres" in await audit(settings)


@pytest.mark.damages_keys
async def test_damage_to_slots_is_named(office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.audit.audit, "_PATIENCE_SECONDS", 0.05)
    slots, redis = SlotOffice(office), office.engine.redis
    await slots.open()
    booking_id, rid = await slots.book(), await slots.buy(2)
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    assert await audit(settings) == []
    keys, slot = office.keys, f"{slots.event_id}/{slots.pool()}"
    booking, until_ms = (
        f"{slots.event_id}/{booking_id}",
        int((await redis.zrange(keys.slots, 0, 0, withscores=True))[0][1]),
    )
    visit = f"{rid}/{slots.pool()}/2/c1"
    damages: list[tuple[tuple[object, ...], tuple[object, ...], str]] = [
        (("ZREM", keys.slots, slot), ("ZADD", keys.slots, until_ms, slot), "9: slot"),
        (
            ("ZADD", keys.slots, until_ms, "9/slot:2027-09-12T08:00"),
            ("ZREM", keys.slots, "9/slot:2027-09-12T08:00"),
            "9: slot slot:2027-09-12T08:00 of event 9 is in slots",
        ),
        (("ZREM", keys.purges, booking), ("ZADD", keys.purges, until_ms, booking), f"9: booking {booking_id}"),
        (("ZADD", keys.purges, 1, booking), ("ZADD", keys.purges, until_ms, booking), f"9: booking {booking_id}"),
        (("ZADD", keys.purges, 1, "9/x"), ("ZREM", keys.purges, "9/x"), "9: 9/x is in purges"),
        (("HSET", keys.pools, slot, "20 18 0 0 2 0"), ("HSET", keys.pools, slot, "20 17 0 0 3 0"), "10: slot"),
        (
            ("ZADD", keys.purges, until_ms, visit.replace("/2/", "/3/")),
            ("ZREM", keys.purges, visit.replace("/2/", "/3/")),
            "10: slot",
        ),
    ]
    for damage, repair, told in damages:
        await redis.execute_command(*damage)
        breaches = await audit(settings)
        await redis.execute_command(*repair)
        assert any(told in breach for breach in breaches), (damage, breaches)
    assert await audit(settings) == []
