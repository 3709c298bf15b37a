"""API, Valkey and the sync worker die at a busy door: no answered entry is lost, and none is in Postgres twice."""

import asyncio
import random
from collections import Counter

import asyncpg
from redis import Redis

from tests.support.system.ledgers import check_books
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import PRICE_MINOR, VISA, Event, Storefront
from tests.support.waiting import wait_until

GATES, AT_ONCE, RESERVATIONS = 8, 100, 12
SEED = 20270608
ROUNDS = ("api", "valkey", "sync", "valkey", "api", "sync")


class Crowd:
    """Gates that scan one code after the other, each until it is answered, and remember the answers."""

    def __init__(self, storefront: Storefront, event: Event, codes: list[str]) -> None:
        self._storefront, self._event = storefront, event
        self._codes = iter(enumerate(codes))
        self.answered: dict[int, str] = {}

    async def scan_all(self) -> None:
        async with asyncio.TaskGroup() as gates:
            for gate in range(GATES):
                gates.create_task(self._gate(f"gate {gate}"))

    async def served(self, more: int) -> None:
        """Waits until that many more scans are answered, or all are."""
        aim = min(len(self.answered) + more, AT_ONCE * RESERVATIONS)
        await wait_until(lambda: len(self.answered) >= aim, 60, "gates are served")

    async def _gate(self, gate: str) -> None:
        for number, code in self._codes:
            body = {"code": code, "gate": gate, "nonce": f"scan-{number}"}
            while True:
                answer = await self._storefront.ask("POST", f"/v1/events/{self._event.event_id}/check-ins", body)
                if answer.status == 200:
                    self.answered[number] = answer.body["result"]
                    break
                assert answer.status in {0, 503}, answer
                await asyncio.sleep(0.05)


async def sold(storefront: Storefront) -> tuple[Event, list[str], list[str]]:
    """An event, reservations of many places, and the codes of these."""
    price = {"amount": PRICE_MINOR, "currency": "EUR"}
    body = {
        "name": "Doors",
        "starts_at": "2035-06-01T18:00:00Z",
        "status": "on_sale",
        "max_per_customer": AT_ONCE,
        "tickets": [{"ticket_type": "Regular", "price": price, "capacity": AT_ONCE * RESERVATIONS}],
    }
    made = (await storefront.ask("POST", "/v1/events", body)).body
    event = Event(made["id"], made["tickets"][0]["id"])
    rids, codes = [], []
    for number in range(RESERVATIONS):
        items = [{"ticket_id": event.ticket_id, "quantity": AT_ONCE}]
        held = await storefront.ask("POST", "/v1/reservations", {"items": items, "customer": {"id": f"c{number}"}})
        paid = {"amount": PRICE_MINOR * AT_ONCE, "currency": "EUR", "payment_token": VISA}
        assert (await storefront.ask("POST", f"/v1/reservations/{held.body['id']}/pay", paid)).status == 200
        listed = await storefront.ask("GET", f"/v1/reservations/{held.body['id']}/etickets")
        codes += [each["code"] for each in listed.body["items"]]
        rids.append(held.body["id"])
    return event, rids, codes


async def test_no_answered_entry_is_lost_and_none_is_written_twice(stack: Stack, storefront: Storefront) -> None:
    stack.configure(sync_batch_entries=2)
    await stack.start("gateway", "sync", "api")
    event, rids, codes = await sold(storefront)
    crowd = Crowd(storefront, event, codes)
    chance = random.Random(SEED)  # noqa: S311  # no secret
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.scan_all())
        for name in ROUNDS:
            await crowd.served(more=100)
            await asyncio.sleep(chance.uniform(0, 0.2))
            stack.kill(name)
            await stack.start(name)

    assert crowd.answered == dict.fromkeys(range(len(codes)), "admitted"), "each was admitted once, repeats included"
    for rid in rids:
        listed = await storefront.ask("GET", f"/v1/reservations/{rid}/etickets")
        assert Counter(each["status"] for each in listed.body["items"]) == {"in": AT_ONCE}
    await check_books(stack)
    assert await written(stack) == (len(codes), len(codes), len(codes))
    with Redis.from_url(stack.valkey.url) as redis:
        (scans,) = redis.scan_iter(match="*doors:*:scans", count=1000)
        assert redis.hlen(scans) == len(codes)


async def written(stack: Stack) -> tuple[int, int, int]:
    """Entries in Postgres, e-tickets that they are of, and those whose holders are inside."""
    connection = await asyncpg.connect(stack.settings.postgres_url, timeout=10)
    try:
        row = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT number), (SELECT count(*) FROM etickets WHERE status = 'in') "
            "FROM check_ins WHERE result = 'admitted'",
            timeout=10,
        )
        assert row is not None
        return row[0], row[1], row[2]
    finally:
        await connection.close(timeout=10)
