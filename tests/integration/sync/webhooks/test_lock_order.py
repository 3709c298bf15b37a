"""Outcomes of deliveries beside somebody else who writes the same rows."""

from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.postgres import Postgres
from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.dispatcher import Dispatcher
from sync.webhooks.endpoints import Webhooks
from sync.webhooks.sender import Attempt, Due, Sender
from tests.integration.sync.webhooks.conftest import Register
from tests.support.sync.locks import locking, waiting_for


async def test_outcomes_are_written_in_the_order_of_deliveries(
    settings: Settings, pool: Postgres, register: Register, webhooks: Webhooks
) -> None:
    """Two workers with the same deliveries wait for each other, and not both at once."""
    webhook_id, receiver = await register()
    made = [await webhooks.test(webhook_id) for _ in range(3)]
    ids = [delivery.delivery_id for delivery in made if delivery]
    async with pool.connection() as connection:  # the first is the last in the table, too
        await connection.execute("UPDATE webhook_deliveries SET attempts = attempts WHERE id = $1", ids[0])
    dispatcher = Dispatcher(settings, pool, Sender(AllowedAddresses(""), 1), SyncMetrics())
    for delivery_id in reversed(ids):
        due = Due(delivery_id, webhook_id, f"msg_{delivery_id}", "{}", 0, receiver.url, "secret", None)
        dispatcher._ended.append(Attempt(due, 200, ""))
    async with locking(settings, "SELECT FROM webhook_deliveries WHERE id = $1 FOR UPDATE", ids[0]) as holder:
        noting = await waiting_for(holder, dispatcher._note())
        await holder.execute("SELECT FROM webhook_deliveries WHERE id = ANY ($1) FOR UPDATE NOWAIT", ids)
    await noting
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'") == 3
