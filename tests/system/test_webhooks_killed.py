"""The sync worker dies again and again in the middle of deliveries: each step of each reservation is sent, in order."""

import asyncio
import random

from tests.support.sync.webhook_receiver import Message, Receiver
from tests.support.system.ledgers import check_books
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Event, Storefront
from tests.support.waiting import wait_until

KILLS = 3
RESERVATIONS = 60
SEED = 20270604
LIFE = ["reservation.held", "reservation.paid"]


async def sell(storefront: Storefront, event: Event, number: int) -> str:
    held = await storefront.hold(event.ticket_id, f"c{number}")
    assert (await storefront.pay(held.body["id"])).status == 200
    return str(held.body["id"])


def first_told(receiver: Receiver, reservation_id: str) -> list[str]:
    """The messages about a reservation that a receiver has, without repeats of an id."""
    messages = {message.message_id: message.kind for message in receiver.taken if message.subject == reservation_id}
    return list(messages.values())


async def test_a_killed_worker_loses_no_message_and_keeps_the_order(stack: Stack, storefront: Storefront) -> None:
    stack.configure(webhook_networks="127.0.0.0/8", webhook_calls=4, webhook_retry_ms=50)
    await stack.start("gateway", "api")
    event = await storefront.create_event(capacity=1000)
    chance = random.Random(SEED)  # noqa: S311  # no secret
    receiver = Receiver()

    async def answer(_message: Message) -> int:
        await asyncio.sleep(0.02)
        return 200

    receiver.answer = answer
    async with receiver.server:
        made = await storefront.ask("POST", "/v1/webhooks", {"url": receiver.url, "events": LIFE})
        receiver.secret = str(made.body["secret"])
        sold = await asyncio.gather(*(sell(storefront, event, number) for number in range(RESERVATIONS)))

        for _ in range(KILLS):
            heard = len(receiver.got)
            await stack.start("sync")
            await wait_until(lambda heard=heard: len(receiver.got) > heard, 30)  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0, 0.1))
            await wait_until(lambda: receiver.under_way > 0, 30, "another delivery")
            stack.kill("sync")
        await stack.start("sync")

        async def all_told() -> bool:
            path = f"/v1/webhooks/{made.body['id']}/deliveries?status=pending&limit=1"
            return not (await storefront.ask("GET", path)).body["items"]

        await check_books(stack)
        await wait_until(all_told, 30)
        assert {rid: first_told(receiver, rid) for rid in sold} == dict.fromkeys(sold, LIFE)
        assert len(receiver.got) >= 2 * RESERVATIONS
        secret = receiver.secret.removeprefix("whsec_")
        assert not any(secret in stack.log(name) for name in ("api", "sync"))
