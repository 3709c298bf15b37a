"""The sync worker dies again and again in the middle of batches: Postgres still gets everything, once."""

import asyncio
import random
from functools import partial

import asyncpg

from engine.settings import Settings
from tests.support.effort import effort
from tests.support.system.buying_crowd import Crowd
from tests.support.system.ledgers import check_books, differences, entries_left, entries_trimmed, redis_reservations
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until

KILLS = effort(3, 10)
SEED = 20270602


async def test_a_killed_worker_leaves_no_gap_and_no_double(stack: Stack, storefront: Storefront) -> None:
    # A transaction for every entry, so that kills fall between the steps of one and not between rare big ones.
    stack.configure(sync_batch_entries=1)
    await stack.start("gateway", "api")
    crowd = Crowd(storefront, [await storefront.create_event(capacity=1_000_000) for _ in range(4)])
    chance = random.Random(SEED)  # noqa: S311  # no secret
    left = []

    async with crowd.buying(clients=16, rest_seconds=0.02):
        for _ in range(KILLS):
            trimmed = entries_trimmed(stack)
            await stack.start("sync")
            await wait_until(partial(writes, stack, trimmed), 30, "the worker writes")
            await asyncio.sleep(chance.uniform(0, 0.2))
            stack.kill("sync")
            left.append(entries_left(stack))

    assert any(left), "no kill came in the middle"
    assert not crowd.refused
    assert crowd.held <= redis_reservations(stack).keys()
    stack.configure(sync_batch_entries=Settings().sync_batch_entries)
    await stack.start("sync")
    await check_books(stack)
    await lose_a_reservation(stack)
    assert len(await differences(stack)) == 1, "the comparison must be able to fail"


def writes(stack: Stack, trimmed: int) -> bool:
    return entries_trimmed(stack) > trimmed


async def lose_a_reservation(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.settings.postgres_url, timeout=10)
    await connection.execute("DELETE FROM reservations WHERE id = (SELECT min(id) FROM reservations)", timeout=10)
    await connection.close(timeout=10)
