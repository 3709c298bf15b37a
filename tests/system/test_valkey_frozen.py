"""Valkey stands still with its connections open, as behind a broken network: nobody waits for ever."""

import asyncio

from tests.support.system.ledgers import check_books, sync_has_caught_up
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until

BUYERS = 64


async def _is_unready(storefront: Storefront) -> list[str]:
    """The missing part, as soon as the API reports it: it remembers for a second that all was well."""
    async with asyncio.timeout(20):
        while True:
            answer = await storefront.ask("GET", "/readyz")
            if answer.status == 503:
                return list(answer.body["missing"])
            await asyncio.sleep(0.1)


async def test_everybody_is_answered_while_valkey_stands_still(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "sync", "api")
    event = await storefront.create_event(capacity=1000)
    for number in range(50):
        assert (await storefront.hold(event.ticket_id, f"early-{number}")).status == 201
    await wait_until(lambda: sync_has_caught_up(stack), 30, "the list is complete")

    stack.freeze("valkey")
    async with asyncio.TaskGroup() as tasks:
        holds = [tasks.create_task(storefront.hold(event.ticket_id, f"buyer-{n}")) for n in range(BUYERS)]
        listed = tasks.create_task(storefront.ask("GET", "/v1/reservations?limit=50"))
        unready = tasks.create_task(_is_unready(storefront))
    stack.thaw("valkey")

    # A status of 0 is a client that gave up waiting.
    assert {(task.result().status, task.result().code) for task in holds} == {(503, "unavailable")}
    assert all("Retry-After" in task.result().headers for task in holds)
    assert (listed.result().status, len(listed.result().body["items"])) == (200, 50)
    assert unready.result() == ["redis"]
    assert (await storefront.hold(event.ticket_id, "late")).status == 201
    await check_books(stack)
