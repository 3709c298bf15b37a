"""Valkey dies while people buy: what was acknowledged is there afterwards."""

import asyncio
import random

from redis import Redis

from tests.support.system.buying_crowd import Crowd
from tests.support.system.ledgers import check_books
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Event, Storefront

KILLS = 5
SEED = 20270601
AT_ONCE = 64

# The possible states of a hold that was acknowledged, whose payment was or was not.
HOLD_IS_THERE = {"held", "paying", "paid"}


async def lost_promises(storefront: Storefront, crowd: Crowd) -> list[str]:
    """Reservations that are less than the answer to their buyer."""
    lost: list[str] = []
    promised = iter(sorted(crowd.held))

    async def look() -> None:
        for reservation_id in promised:
            answer = await storefront.reservation(reservation_id)
            status = answer.body.get("status")
            if status not in ({"paid"} if reservation_id in crowd.paid else HOLD_IS_THERE):
                lost.append(f"{reservation_id}: {answer.status} {status}")

    async with asyncio.TaskGroup() as lookers:
        for _ in range(AT_ONCE):
            lookers.create_task(look())
    return lost


async def kill_and_start_again(stack: Stack, crowd: Crowd, chance: random.Random) -> None:
    """Kills Valkey at some moment after buyers were served, and waits until they are served again."""
    await crowd.served()
    await asyncio.sleep(chance.uniform(0, 0.5))
    stack.kill("valkey")
    await stack.start("valkey")
    await crowd.served()


async def on_sale(storefront: Storefront, events: int) -> list[Event]:
    """Events with room for everybody, each in a partition of its own."""
    return [await storefront.create_event(capacity=1_000_000) for _ in range(events)]


async def test_every_acknowledged_hold_and_payment_outlives_kills(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "sync", "api")
    crowd = Crowd(storefront, await on_sale(storefront, 4))
    chance = random.Random(SEED)  # noqa: S311  # no secret

    async with crowd.buying():
        for _ in range(KILLS):
            await kill_and_start_again(stack, crowd, chance)

    assert not crowd.refused
    assert await lost_promises(storefront, crowd) == []
    await check_books(stack)


async def test_without_the_append_only_file_promises_are_lost(stack: Stack, storefront: Storefront) -> None:
    """The negative control: the same kill, and a server that acknowledges what is in its memory alone."""
    await stack.start("gateway", "api")
    crowd = Crowd(storefront, await on_sale(storefront, 1))
    with Redis.from_url(stack.valkey.url) as redis:
        redis.config_set("appendonly", "no")

    async with crowd.buying():
        await kill_and_start_again(stack, crowd, random.Random(SEED))  # noqa: S311  # no secret

    assert await lost_promises(storefront, crowd) != []
