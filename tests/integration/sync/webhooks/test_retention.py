"""The table of deliveries does not grow for ever, and no secret leaves it by mistake."""

import asyncio
import re

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from engine.acting import Actor, acting
from engine.settings import Settings
from sync.audit_log.entries import CATALOGUE_CHAIN
from sync.metrics import SyncMetrics
from sync.postgres import Postgres
from sync.sql import statement
from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.dispatcher import Dispatcher, run_webhooks
from sync.webhooks.endpoints import MAX_WEBHOOKS, DeliveryStatus, Webhooks
from sync.webhooks.messages import WebhookEvent
from sync.webhooks.sender import Attempt, Due, Sender
from tests.integration.sync.webhooks.conftest import Register
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.locks import locking, waiting_sessions
from tests.support.waiting import wait_until


@pytest.fixture
async def courier(settings: Settings, pool: Postgres) -> Dispatcher:
    settings = msgspec.structs.replace(settings, webhook_window_seconds=3600, webhook_keep_seconds=7200)
    return Dispatcher(settings, pool, Sender(AllowedAddresses(""), 1), SyncMetrics())


async def aged(office: BoxOffice, column: str, seconds: int, delivery_id: int) -> None:
    await office.sql(
        f"UPDATE webhook_deliveries SET {column} = now() - $1 * interval '1 second' WHERE id = $2",  # noqa: S608  # ours
        seconds,
        delivery_id,
    )


async def test_old_and_orphaned_deliveries_are_deleted(
    office: BoxOffice, courier: Dispatcher, register: Register, webhooks: Webhooks
) -> None:
    (kept_id, _), (deleted_id, _) = await register(), await register()
    made = [await webhooks.test(kept_id) for _ in range(3)]
    old, recent, pending = [delivery.delivery_id for delivery in made if delivery]
    await office.sql(
        "UPDATE webhook_deliveries SET status = 'delivered', ended_at = now() WHERE id = ANY($1)", [old, recent]
    )
    await aged(office, "ended_at", 7300, old)
    await aged(office, "ended_at", 7100, recent)
    await webhooks.test(deleted_id)
    assert await webhooks.delete(deleted_id)
    assert not await webhooks.delete(deleted_id)
    await courier.tidy()
    assert await office.sql("SELECT array_agg(id ORDER BY id) FROM webhook_deliveries") == [recent, pending]


async def test_overdue_deliveries_are_given_up_untried(
    office: BoxOffice, courier: Dispatcher, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, _ = await register()
    late, due = await webhooks.test(webhook_id), await webhooks.test(webhook_id)
    assert late is not None
    assert due is not None
    await aged(office, "since", 3700, late.delivery_id)
    await aged(office, "since", 3630, due.delivery_id)
    await courier.tidy()
    (dead,) = await webhooks.deliveries(webhook_id, status=DeliveryStatus.DEAD, before=None, limit=10)
    assert (dead.delivery_id, dead.error, dead.attempts) == (late.delivery_id, "not sent in time", 0)


async def test_what_somebody_writes_is_tidied_another_time(
    office: BoxOffice, settings: Settings, courier: Dispatcher, register: Register, webhooks: Webhooks
) -> None:
    """A manager has dead ones sent again, in another order: a round that waited for them could wait for ever."""
    webhook_id, _ = await register()
    made = [await webhooks.test(webhook_id) for _ in range(4)]
    _old, written_old, late, written_late = ids = [delivery.delivery_id for delivery in made if delivery]
    await office.sql("UPDATE webhook_deliveries SET status = 'dead', ended_at = now() WHERE id <= $1", written_old)
    for column, delivery_id in zip(["ended_at", "ended_at", "since", "since"], ids, strict=True):
        await aged(office, column, 7300, delivery_id)
    lock = "SELECT FROM webhook_deliveries WHERE id = ANY ($1::bigint[]) FOR UPDATE"
    async with locking(settings, lock, [written_old, written_late]):
        await courier.tidy()
        async with office.postgres.connection() as connection:
            states = await connection.fetch("SELECT id, status FROM webhook_deliveries ORDER BY id")
    assert [tuple(row) for row in states] == [(written_old, "dead"), (late, "dead"), (written_late, "pending")]
    await courier.tidy()
    assert await office.sql("SELECT array_agg(id ORDER BY id) FROM webhook_deliveries") == [late, written_late]


async def test_there_is_a_most_of_endpoints(register: Register, webhooks: Webhooks) -> None:
    for _ in range(MAX_WEBHOOKS):
        assert await webhooks.create("https://shop.example/", list(WebhookEvent), "") is not None
    assert await webhooks.create("https://shop.example/", list(WebhookEvent), "") is None


async def test_the_queue_is_measured(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    receiver.answer = lambda _message: 503
    waits = await webhooks.test(webhook_id)
    assert waits is not None
    await aged(office, "created_at", 100, waits.delivery_id)
    metrics = SyncMetrics()
    async with running(run_webhooks(settings, metrics)):
        await wait_until(lambda: metrics.webhooks_waiting._value.get() == 1)
        await wait_until(lambda: metrics.webhook_calls.labels("failed")._value.get() > 1)
        assert 100 <= metrics.webhooks_oldest_seconds._value.get() < 130
    assert metrics.webhooks_waiting._value.get() == 0, "another worker tells now"


async def test_no_secret_is_shown_or_logged(
    office: BoxOffice, settings: Settings, register: Register, webhooks: Webhooks
) -> None:
    webhook_id, receiver = await register()
    rotated = await webhooks.rotate(webhook_id)
    assert rotated is not None
    secrets = (receiver.secret, rotated.secret)
    due = Due(1, webhook_id, "msg_1", "{}", 0, receiver.url, secrets[0], secrets[1])
    shown = [repr(each) for each in (rotated, due, Attempt(due, 500, "answered 500"), await webhooks.read(webhook_id))]
    receiver.answer = lambda message: 410 if message.kind == "webhook.test" else 500
    with capture_logs() as logs:
        async with running(run_webhooks(settings, SyncMetrics())):
            await webhooks.test(webhook_id)
            await wait_until(lambda: any(line["event"] == "webhook_gone" for line in logs))
    for text in (*shown, str(logs)):
        assert not any(secret.removeprefix("whsec_") in text for secret in secrets), text


async def test_a_batch_of_facts_does_not_wait_for_a_manager_who_deletes(
    office: BoxOffice, settings: Settings, register: Register
) -> None:
    webhook_id, _ = await register()
    other = await asyncpg.connect(settings.postgres_url, timeout=10)
    try:
        async with other.transaction():
            await other.execute("DELETE FROM webhooks WHERE id = $1", webhook_id, timeout=10)
            rid = await office.hold()
            async with running(office.reader().run()):
                await wait_until(office.outbox_is_empty, 3)
    finally:
        await other.close(timeout=10)
    assert await office.statuses() == {rid: "held"}
    assert await office.sql("SELECT count(*) FROM dead_letters") == 0


@pytest.mark.own_database
async def test_a_long_queue_makes_neither_writing_nor_looking_slow(office: BoxOffice, register: Register) -> None:
    """Also before Postgres has statistics of the table, as in the first minute of the first sale."""
    webhook_id, _ = await register()
    await office.sql(
        """
        INSERT INTO webhook_deliveries (webhook_id, subject, event, body, next_at)
        SELECT $1, '1-' || n, 'reservation.held', '{}', now() FROM generate_series(1, 3000) AS n
        """,
        webhook_id,
    )
    for name, arguments in (
        ("insert_webhook_deliveries", (["reservation.held"], ["1-1"], ["{}"], "")),
        ("due_webhook_deliveries", (16, [], [])),
        ("record_webhook_attempts", ([1], [False], [False], [1], [500], [""], 1)),
    ):
        async with office.postgres.connection() as connection:
            plan = "\n".join(line for (line,) in await connection.fetch(f"EXPLAIN {statement(name)}", *arguments))
        assert re.search(r"using webhook_deliveries_of_subject .*\n +Index Cond: \(?\(subject = ", plan), plan
        assert "Seq Scan on webhook_deliveries" not in plan, plan


async def test_makers_of_endpoints_do_not_pass_the_bound_together(
    office: BoxOffice, settings: Settings, webhooks: Webhooks
) -> None:
    for _ in range(MAX_WEBHOOKS - 1):
        await webhooks.create("https://example.com", [WebhookEvent.PAID], "")
    with acting(Actor("manager", "m", "create", "r1")):
        async with locking(settings, statement("lock_audit_chain"), CATALOGUE_CHAIN) as holder:
            making = [
                asyncio.ensure_future(webhooks.create("https://example.com", [WebhookEvent.PAID], "")) for _ in range(2)
            ]

            async def both_wait() -> bool:
                return await waiting_sessions(holder) == 2

            await wait_until(both_wait, what="both makers wait for the log, or for each other")
        made = await asyncio.gather(*making)
    assert made.count(None) == 1
    assert await office.sql("SELECT count(*) FROM webhooks") == MAX_WEBHOOKS
