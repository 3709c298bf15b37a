"""A waiting list over HTTP while processes die: places return in every way, and a crowd tries to take them.

`make line` plays it with a thousand who wait, for a minute; it tells its figures.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import structlog

from sync.audit.audit import audit
from tests.support.effort import effort
from tests.support.invariants import check_invariants
from tests.support.system.ledgers import sync_has_caught_up
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import PRICE_MINOR, Answer, Event, Storefront
from tests.support.waiting import wait_until

log = structlog.get_logger(__name__)

WAITING = effort(40, 1000)
PLACES = effort(24, 600)
SECONDS = effort(0, 60)
KILLS = effort(3, 12)
BUYERS = effort(3, 8)
JOINERS = 16
PATIENCE_SECONDS = 60
SEED = 20271130


class Line:
    """An event all of whose places are taken, and those who wait for them."""

    def __init__(self, stack: Stack, storefront: Storefront) -> None:
        self.stack, self.storefront = stack, storefront
        self.chance = random.Random(SEED)  # noqa: S311  # no secret
        self.event: Event
        self.capacity = PLACES
        self.taken: list[tuple[str, bool]] = []
        """Reservations of one place each, and whether they are paid."""
        self.entries: list[str] = []
        self.refused, self.samples, self.over = 0, 0, False

    @property
    def path(self) -> str:
        return f"/v1/events/{self.event.event_id}/waiting-list"

    async def ask(self, method: str, path: str, body: Any = None, again: Collection[int] = (0, 503)) -> Answer:
        """Repeats a request with the same key until there is an answer."""
        key = str(uuid4()) if method == "POST" else ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.storefront.ask(method, path, body, key)
                if answer.status not in again:
                    return answer
                await asyncio.sleep(0.05)

    async def open(self) -> None:
        """Every second place is paid for, all others are held; then customers join, some of them at once."""
        self.event = await self.storefront.create_event(
            capacity=PLACES, hold_seconds=3600, waiting_list={"offer_seconds": 3600}
        )
        for number in range(PLACES):
            held = await self.storefront.hold(self.event.ticket_id, f"early-{number}")
            assert held.status == 201, held
            rid = held.body["id"]
            if number % 2:
                assert (await self.storefront.pay(rid)).status == 200
            self.taken.append((rid, bool(number % 2)))
        self.chance.shuffle(self.taken)
        for first in range(0, WAITING, JOINERS):
            some = range(first, min(first + JOINERS, WAITING))
            self.entries += await asyncio.gather(*(self.join(number) for number in some))

    async def join(self, number: int) -> str:
        wish = {"ticket_id": self.event.ticket_id, "quantity": self.chance.choice([1, 1, 1, 2, 3])}
        who = {"customer": {"id": f"customer-{number}"}, "contact": {"email": "a@example.com"}}
        joined = await self.ask("POST", self.path, wish | who)
        assert joined.status == 201, joined
        entry_id: str = joined.body["id"]
        return entry_id

    async def listed(self) -> list[dict[str, Any]]:
        """All entries in the order of the line, as a manager sees them."""
        entries, cursor = list[dict[str, Any]](), ""
        while True:
            answer = await self.ask("GET", f"{self.path}?limit=100{cursor}")
            assert answer.status == 200, answer
            entries += answer.body["items"]
            if not answer.body["next_cursor"]:
                return entries
            cursor = f"&cursor={answer.body['next_cursor']}"

    async def give_back(self, rid: str, *, paid: bool) -> None:
        """A place returns: cancelled, or refunded."""
        if paid:
            answer = await self.ask("POST", f"/v1/reservations/{rid}/refund", {"restock": True})
            assert answer.status in {200, 202}, answer
        else:
            answer = await self.ask("DELETE", f"/v1/reservations/{rid}")
            assert answer.status == 204, answer

    async def raise_capacity(self) -> None:
        self.capacity += 1
        path = f"/v1/tickets/{self.event.ticket_id}"
        answer = await self.ask("PATCH", path, {"capacity": self.capacity})
        assert answer.status == 200, answer

    async def settle_an_offer(self) -> None:
        """The first who was offered places pays for them, or declines."""
        offered = [entry for entry in await self.listed() if entry["status"] == "offered"]
        if not offered:
            return
        entry = self.chance.choice(offered)
        if self.chance.random() < 0.5:
            answer = await self.ask("DELETE", f"{self.path}/{entry['id']}")
            assert answer.status == 204, answer
            return
        amount = {"amount": entry["quantity"] * PRICE_MINOR, "currency": "EUR", "payment_token": "tok_visa"}
        answer = await self.ask("POST", f"/v1/reservations/{entry['reservation_id']}/pay", amount)
        assert answer.status in {200, 202}, answer

    async def buy(self, number: int) -> None:
        """A buyer of the crowd, who must never get a place."""
        attempt = 0
        while not self.over:
            attempt += 1
            answer = await self.storefront.hold(self.event.ticket_id, f"crowd-{number}-{attempt}")
            assert answer.status in {0, 409, 503}, answer
            self.refused += answer.code == "sold_out"

    async def sample(self) -> None:
        """Counts are whole at every sample, and nothing is for sale."""
        while not self.over:
            answer = await self.storefront.ask("GET", f"/v1/events/{self.event.event_id}/availability")
            if answer.status == 200:
                (counts,) = answer.body["tickets"]
                assert counts["available"] == 0, counts
                assert counts["held"] + counts["sold"] + counts["kept"] == counts["capacity"], counts
                self.samples += 1
            await asyncio.sleep(0.02)

    async def kill(self, name: str) -> None:
        self.stack.kill(name)
        await self.stack.start(name)

    async def give_back_everything(self) -> None:
        """Places return one after the other, spread over the time; processes die in between."""
        victims = ["valkey", "api", "sync"]
        kill_at = {len(self.taken) * (number + 1) // (KILLS + 1): victims[number % 3] for number in range(KILLS)}
        began = time.monotonic()
        for number, (rid, paid) in enumerate(self.taken):
            dying = kill_at.get(number)
            async with asyncio.TaskGroup() as work:
                if dying:
                    work.create_task(self.kill(dying))
                work.create_task(self.give_back(rid, paid=paid))
            if number % 8 == 0:
                await self.raise_capacity()
            if number % 6 == 0:
                await self.settle_an_offer()
            pause = began + SECONDS * (number + 1) / len(self.taken) - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)  # a soak: places return over a minute


@pytest.mark.timeout(240 + 10 * SECONDS)
async def test_nobody_jumps_the_line_whatever_dies(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "sync", "api")
    line = Line(stack, storefront)
    await line.open()
    async with asyncio.TaskGroup() as crowd:
        beside = [crowd.create_task(line.buy(number)) for number in range(BUYERS)]
        beside.append(crowd.create_task(line.sample()))
        await line.give_back_everything()
        line.over = True
    assert line.refused > 0, "there was no crowd"
    assert line.samples > 0
    entries = await line.listed()
    assert {entry["id"] for entry in entries} == set(line.entries), "no place in line is lost"
    waits = [entry["status"] == "waiting" for entry in entries]
    assert waits == sorted(waits), "served in the order of the line"
    statuses = Counter(entry["status"] for entry in entries)
    assert statuses["offered"] > 0 < statuses["waiting"]
    await wait_until(lambda: sync_has_caught_up(stack), PATIENCE_SECONDS, "sync has written everything")
    check_invariants(stack.valkey.url)
    assert await audit(stack.settings) == []
    log.info("line", waited=WAITING, **statuses, crowd_refused=line.refused, samples=line.samples, kills=KILLS)
    await ends(line)


async def ends(line: Line) -> None:
    """At the end of the list nobody waits, and what returns then is for sale."""
    over = {"waiting_list": {"offer_seconds": 3600, "ends_at": datetime.now(UTC).isoformat()}}
    answer = await line.ask("PATCH", f"/v1/events/{line.event.event_id}", over)
    assert answer.status == 200, answer

    async def nobody_waits() -> bool:
        return "waiting" not in {entry["status"] for entry in await line.listed()}

    await wait_until(nobody_waits, PATIENCE_SECONDS, "the list is over")
    offered = next(entry for entry in await line.listed() if entry["status"] == "offered")
    await line.give_back(offered["reservation_id"], paid=False)
    assert (await line.storefront.hold(line.event.ticket_id, "late")).status == 201
    check_invariants(line.stack.valkey.url)
