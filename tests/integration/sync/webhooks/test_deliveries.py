"""Webhooks notify the shop's own systems: of every change, signed, in order per reservation, whatever fails."""

import asyncio
import random
from datetime import datetime

import msgspec
import pytest

from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.outbox.writer import batches, open_offset, write_batch
from sync.webhooks.dispatcher import run_webhooks
from sync.webhooks.endpoints import DeliveryStatus, WebhookChanges, Webhooks
from sync.webhooks.messages import WebhookEvent
from tests.integration.sync.webhooks.conftest import Register
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice, running
from tests.support.sync.webhook_receiver import Message, Receiver
from tests.support.waiting import wait_until

HELD, PAID, CANCELLED = WebhookEvent.HELD, WebhookEvent.PAID, WebhookEvent.CANCELLED
LIFE = [HELD, PAID, WebhookEvent.REFUND_DUE, WebhookEvent.REFUNDED]
SEED = 20270603
PATIENCE_SECONDS = 60


async def write(office: BoxOffice) -> None:
    """All that has happened is in Postgres."""
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)


async def statuses(office: BoxOffice, webhook_id: int) -> dict[str, int]:
    async with office.postgres.connection() as connection:
        rows = await connection.fetch(
            "SELECT status, count(*) FROM webhook_deliveries WHERE webhook_id = $1 GROUP BY 1", webhook_id
        )
    return dict(map(tuple, rows))


async def all_told(office: BoxOffice) -> bool:
    return not await office.sql("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'")


async def test_each_step_is_sent_once_and_in_order(office: BoxOffice, settings: Settings, register: Register) -> None:
    _, receiver = await register()
    _, payers = await register(PAID)
    rids = [await office.hold(2) for _ in range(3)]
    await office.cancel(rids[0])
    await office.fail(rids[1])
    attempt_id = await office.pay(rids[1])
    await office.refund(rids[1], attempt_id)
    await write(office)
    metrics = SyncMetrics()
    async with running(run_webhooks(settings, metrics)):
        await wait_until(lambda: metrics.webhook_calls.labels("delivered")._value.get() == 8)

    assert [receiver.told_of(rid) for rid in rids] == [[HELD, CANCELLED], LIFE, [HELD]]
    assert [message.kind for message in payers.got] == [PAID]
    assert len({message.message_id for message in receiver.got + payers.got}) == len(receiver.got + payers.got) == 8
    told = payers.got[0].body
    assert datetime.fromisoformat(told["timestamp"]).utcoffset() is not None
    assert told["data"] == {
        "id": rids[1],
        "event_id": office.event.event_id,
        "status": "paid",
        "customer": {"id": "c1"},
        "items": [
            {"ticket_id": office.ticket_id, "quantity": 2, "unit_price": {"amount": PRICE_MINOR, "currency": "EUR"}}
        ],
        "total": {"amount": 2 * PRICE_MINOR, "currency": "EUR"},
        "refunded": {"amount": 0, "currency": "EUR"},
        "created_at": told["data"]["created_at"],
        "expires_at": told["data"]["expires_at"],
        "payment": {"id": attempt_id, "status": "completed", "amount": 2 * PRICE_MINOR, "currency": "EUR"},
    }


class CrashError(Exception):
    """Stands for the death of the worker at this point."""


async def test_deliveries_are_written_with_their_facts_or_not_at_all(office: BoxOffice, register: Register) -> None:
    webhook_id, _ = await register()
    await office.hold()
    (batch,) = batches(await office.entries(), 10_000)

    async def write_and_die() -> None:
        async with office.postgres.transaction() as connection:
            before = await open_offset(connection, office.keys.partition)
            await write_batch(connection, office.keys.partition, before, batch)
            assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 1
            raise CrashError

    with pytest.raises(CrashError):
        await write_and_die()
    assert await statuses(office, webhook_id) == {}
    await write(office)
    assert await statuses(office, webhook_id) == {"pending": 1}


async def lives(office: BoxOffice, how_many: int) -> list[str]:
    """Reservations that go through it all."""
    rids = [await office.hold(customer_id=f"c{number}") for number in range(how_many)]
    for rid in rids:
        await office.refund(rid, await office.pay(rid))
    await write(office)
    return rids


def failing_often(receiver: Receiver, chance: random.Random) -> None:
    async def answer(_message: Message) -> int:
        await asyncio.sleep(chance.uniform(0, 0.005))
        return chance.choice((200, 204, 200, 503, 302))

    receiver.answer = answer


async def test_order_per_reservation_holds_under_failures(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    _, receiver = await register()
    failing_often(receiver, random.Random(SEED))  # noqa: S311  # no secret
    rids = await lives(office, 12)
    async with running(run_webhooks(settings, SyncMetrics())):
        await wait_until(lambda: all_told(office))
    assert {rid: receiver.told_of(rid) for rid in rids} == dict.fromkeys(rids, LIFE)
    assert len(receiver.got) > len(receiver.taken) == 4 * len(rids)
    assert 1 < receiver.most_at_once <= settings.webhook_calls, "many reservations at once"


async def test_negative_control_without_its_subject_a_message_overtakes(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    _, receiver = await register()
    failing_often(receiver, random.Random(SEED))  # noqa: S311  # no secret
    rids = await lives(office, 12)
    await office.sql("UPDATE webhook_deliveries SET subject = id::text")
    async with running(run_webhooks(settings, SyncMetrics())):
        await wait_until(lambda: all_told(office))
    assert any(receiver.told_of(rid) != LIFE for rid in rids)


async def test_an_endpoint_that_hangs_delays_nobody_else(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    stuck_id, stuck = await register()
    _, well = await register()
    forever = asyncio.Event()

    async def hang(_message: Message) -> int:
        await forever.wait()
        return 200

    stuck.answer = hang
    settings = msgspec.structs.replace(settings, webhook_timeout_ms=20_000, webhook_calls=4)
    async with running(run_webhooks(settings, SyncMetrics()), office.reader().run()):
        rids = [await office.hold() for _ in range(40)]
        await wait_until(lambda: len(well.taken) == 40)
        await wait_until(lambda: stuck.under_way == 4)
        await office.cancel(rids[0])
        await wait_until(lambda: well.told_of(rids[0]) == [HELD, CANCELLED])
        assert (stuck.got, stuck.most_at_once) == ([], 4)
        assert (await office.statuses())[rids[0]] == "cancelled"
        assert await statuses(office, stuck_id) == {"pending": 41}
        forever.set()
        await wait_until(lambda: len(stuck.taken) == 41)


async def test_an_undelivered_message_dies_and_can_be_redelivered(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    receiver.answer = lambda message: 500 if message.kind == HELD else 200
    rid = await office.hold()
    await office.cancel(rid)
    await write(office)
    metrics = SyncMetrics()
    async with running(run_webhooks(msgspec.structs.replace(settings, webhook_window_seconds=2), metrics)):
        # Failures pause the endpoint for longer and longer, by how many there were until the message died.
        await wait_until(lambda: receiver.told_of(rid) == [CANCELLED], PATIENCE_SECONDS)
        (dead,) = await webhooks.deliveries(webhook_id, status=DeliveryStatus.DEAD, before=None, limit=10)
        attempts = [message for message in receiver.got if message.kind == HELD]
        assert (dead.event, dead.subject, dead.response_status, dead.error) == (HELD, rid, 500, "answered 500")
        assert dead.attempts == len(attempts) > 2, "it was tried again and again"
        assert {message.message_id for message in attempts} == {dead.message_id}
        assert metrics.webhooks_dead._value.get() == 1
        receiver.answer = lambda _message: 200
        assert await webhooks.redeliver(webhook_id, dead.delivery_id) is not None
        await wait_until(lambda: receiver.told_of(rid) == [CANCELLED, HELD], PATIENCE_SECONDS)
    assert receiver.got[-1].message_id == dead.message_id


async def test_an_endpoint_that_is_gone_is_disabled_and_goes_on_when_enabled(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    receiver.answer = lambda _message: 410
    rid = await office.hold()
    await office.cancel(rid)
    await write(office)
    metrics = SyncMetrics()
    async with running(run_webhooks(settings, metrics)):

        async def disabled() -> bool:
            webhook = await webhooks.read(webhook_id)
            return webhook is not None and not webhook.enabled and webhook.gone_at is not None

        await wait_until(disabled)
        await office.hold()
        await write(office)
        assert await statuses(office, webhook_id) == {"dead": 1, "pending": 1}, "nothing of what happens meanwhile"
        await wait_until(lambda: metrics.webhook_endpoints_off._value.get() == 1)
        receiver.answer = lambda _message: 200
        webhook = await webhooks.change(webhook_id, WebhookChanges(enabled=True))
        assert webhook is not None
        assert webhook.gone_at is None
        await wait_until(lambda: receiver.told_of(rid) == [CANCELLED])
    assert len(receiver.got) == 2


async def test_an_endpoint_is_not_called_before_it_asked_to_be(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    """Without Retry-After the pauses are 20 ms and 40 ms; the messages of other reservations wait as well."""
    _, receiver = await register()
    asked = asyncio.get_running_loop().time
    called: list[float] = []

    def answer(_message: Message) -> int:
        called.append(asked())
        return 503 if len(called) == 1 else 200

    receiver.answer, receiver.retry_after = answer, "1"
    rids = [await office.hold() for _ in range(3)]
    await write(office)
    async with running(run_webhooks(msgspec.structs.replace(settings, webhook_calls=1), SyncMetrics())):
        await wait_until(lambda: len(receiver.taken) == len(rids))
    assert called[1] - called[0] >= 1


async def test_a_redirect_is_a_failure_and_a_private_address_is_not_called(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    receiver.answer = lambda _message: 307
    await office.hold()
    await write(office)

    async def error() -> str:
        (delivery,) = await webhooks.deliveries(webhook_id, status=None, before=None, limit=1)
        return delivery.error

    async def failed_for(why: str) -> None:
        async def seen() -> bool:
            return why in await error()

        await wait_until(seen)

    async with running(run_webhooks(settings, SyncMetrics())):
        await failed_for("answered 307")
    assert {message.status for message in receiver.got} == {307}
    calls = len(receiver.got)
    async with running(run_webhooks(msgspec.structs.replace(settings, webhook_networks="10.0.0.0/8"), SyncMetrics())):
        await failed_for("127.0.0.1 over http is not allowed")
        by_name = receiver.url.replace("127.0.0.1", "localhost")
        await webhooks.change(webhook_id, WebhookChanges(url=by_name))
        await failed_for("localhost")
    assert len(receiver.got) == calls


async def test_secrets_are_changed_with_both_in_force(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    before = receiver.secret
    rotated = await webhooks.rotate(webhook_id)
    assert rotated is not None
    assert rotated.secret != before
    async with running(run_webhooks(settings, SyncMetrics()), office.reader().run()):
        for secret in (before, rotated.secret):  # the receiver has one or the other
            receiver.secret, heard = secret, len(receiver.taken)
            await office.hold()
            await wait_until(lambda heard=heard: len(receiver.taken) > heard)  # type: ignore[misc]
        await office.sql("UPDATE webhooks SET old_secret_until = now()")
        await office.hold()
        await wait_until(lambda: len(receiver.taken) == 3)
    signatures = [len(headers["webhook-signature"].split()) for headers in receiver.headers]
    assert signatures == [2, 2, 1]


async def test_one_courier_at_a_time_and_another_takes_over(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    _, receiver = await register()
    first, second = SyncMetrics(), SyncMetrics()

    def delivered(metrics: SyncMetrics) -> float:
        return float(metrics.webhook_calls.labels("delivered")._value.get())

    async with running(run_webhooks(settings, second), office.reader().run()):
        async with running(run_webhooks(settings, first)):
            for _ in range(20):
                await office.hold()
            await wait_until(lambda: len(receiver.taken) == 20)
            await wait_until(lambda: delivered(first) + delivered(second) == 20)
            assert 20.0 in (delivered(first), delivered(second))
            ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"
            assert await office.sql(ended, "onsale-sync-webhooks") == 2
            await office.hold()
            await wait_until(lambda: len(receiver.taken) == 21)
            await wait_until(lambda: all_told(office))  # who ends between an answer and writing it down sends it again
        await office.hold()
        await wait_until(lambda: len(receiver.taken) == 22)
    assert len({message.message_id for message in receiver.got}) == len(receiver.got)


async def test_postgres_may_go_away_between_a_call_and_writing_it_down(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    webhook_id, receiver = await register()
    await office.hold()
    await write(office)

    async def rename(message: Message) -> int:
        if not receiver.got:
            await office.sql("ALTER TABLE webhook_deliveries RENAME TO away")
        return 200

    receiver.answer = rename
    async with running(run_webhooks(settings, SyncMetrics())):
        try:
            await wait_until(lambda: receiver.taken)
        finally:
            await office.sql("ALTER TABLE away RENAME TO webhook_deliveries")
        await wait_until(lambda: all_told(office))
    assert await statuses(office, webhook_id) == {"delivered": 1}
    assert len(receiver.got) == 1, "the outcome of the call was not forgotten"
