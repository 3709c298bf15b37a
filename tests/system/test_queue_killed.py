"""Valkey and the API die while a crowd gathers, at the draw and while it is served: nobody loses a place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from cli.queue_check import check_queue
from tests.support.effort import effort
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Event, Storefront
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

AGAIN_SECONDS = effort(0.4, 0.1)
CUSTOMERS = 150
CLIENTS = 16
PATIENCE_SECONDS = 90
FASTEST_PER_MINUTE = 60_000
"""Once nobody is killed any more: a busy machine lets in a fiftieth of the rate, because answers take long there."""


class Waiting:
    """A crowd that joins again and again, asks for its places, enters, and remembers all answers."""

    def __init__(self, storefront: Storefront, event: Event) -> None:
        self.storefront, self.event = storefront, event
        self.indexes: dict[str, set[int]] = {}
        self.positions: dict[str, set[int]] = {}
        self.inside: set[str] = set()
        self.draws: set[tuple[int, str]] = set()
        self.joined_until = 0
        """That many may join by now."""

    @property
    def path(self) -> str:
        return f"/v1/events/{self.event.event_id}/queue"

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """They ask for as long as the block runs, and end what they are at."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(self._ask(number, ended))
            clients.create_task(self._look(ended))
            try:
                yield
            finally:
                ended.set()

    async def _ask(self, number: int, ended: asyncio.Event) -> None:
        while not ended.is_set():
            for each in range(number, self.joined_until, CLIENTS):
                await self._ask_for(f"customer-{each}")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _ask_for(self, name: str) -> None:
        who = f"?customer_id={name}"
        enters = self.positions.get(name) and name not in self.inside
        answer = await self.storefront.ask("POST", f"{self.path}/enter{who}" if enters else f"{self.path}{who}")
        if answer.status in (200, 201):
            self.indexes.setdefault(name, set()).add(answer.body["index"])
            if answer.body["position"] is not None:
                self.positions.setdefault(name, set()).add(answer.body["position"])
            if answer.body["pass_expires_at"]:
                self.inside.add(name)
        else:
            assert answer.status in (0, 503) or answer.code in ("not_your_turn", "inside_full"), answer

    async def _look(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            answer = await self.storefront.ask("GET", self.path)
            if answer.status == 200 and answer.body["seed"] is not None:
                self.draws.add((answer.body["cohort"], answer.body["seed"]))
            await asyncio.sleep(AGAIN_SECONDS)

    async def joined(self, customers: int) -> None:
        """Waits until that many have a place."""
        await wait_until(lambda: len(self.indexes) >= customers, PATIENCE_SECONDS, f"{customers} have joined")


async def waiting(storefront: Storefront) -> Waiting:
    room = {"opens_at": "2020-01-01T00:00:00Z", "pass_seconds": 3600, "places_per_pass": 1, "per_minute": 600}
    opens_at = "2034-01-01T00:00:00Z"
    return Waiting(
        storefront, await storefront.create_event(capacity=10_000, waiting_room=room, sale_opens_at=opens_at)
    )


async def kill(stack: Stack, name: str) -> None:
    stack.kill(name)
    await stack.start(name)


async def test_nobody_loses_a_place(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    await stack.start("gateway", "sync", "api")
    crowd = await waiting(storefront)
    async with crowd.asking():
        for number, name in enumerate(("valkey", "api", "valkey"), 1):  # while they gather
            crowd.joined_until = number * CUSTOMERS // 4
            await crowd.joined(crowd.joined_until * 2 // 3)
            await kill(stack, name)
        opens = datetime.now(UTC) + timedelta(seconds=1)
        event = f"/v1/events/{crowd.event.event_id}"

        async def is_scheduled() -> bool:
            return (await storefront.ask("PATCH", event, {"sale_opens_at": opens.isoformat()})).status == 200

        await wait_until(is_scheduled, PATIENCE_SECONDS, "the API takes the opening")
        crowd.joined_until = CUSTOMERS  # some of them come after the draw
        await asyncio.sleep(max(0.0, (opens - datetime.now(UTC)).total_seconds()))
        await kill(stack, "valkey")  # at the draw
        await wait_until(lambda: len(crowd.inside) > 5, PATIENCE_SECONDS, "some are inside")
        for name in ("api", "valkey"):  # while they are served
            await kill(stack, name)

        async def goes_faster() -> bool:
            return (await storefront.ask("PATCH", crowd.path, {"per_minute": FASTEST_PER_MINUTE})).status == 200

        await wait_until(goes_faster, PATIENCE_SECONDS, "the API takes the pace")
        await wait_until(lambda: len(crowd.inside) == CUSTOMERS, PATIENCE_SECONDS, "all are inside")
    assert [name for name, indexes in crowd.indexes.items() if len(indexes) > 1] == []
    assert sorted(index for (index,) in crowd.indexes.values()) == list(range(CUSTOMERS))
    assert [name for name, positions in crowd.positions.items() if len(positions) > 1] == []
    assert sorted(position for (position,) in crowd.positions.values()) == list(range(CUSTOMERS))
    ((cohort, _),) = crowd.draws
    assert 0 < cohort <= CUSTOMERS
    _, errors = await asyncio.to_thread(check_queue, stack.settings, crowd.event.event_id)
    assert errors == []


async def test_without_the_append_only_file_places_are_lost(stack: Stack, storefront: Storefront) -> None:
    """The negative control: the same kill, and a server that keeps in its memory alone what it acknowledges."""
    await stack.start("gateway", "sync", "api")
    crowd = await waiting(storefront)
    async with crowd.asking():
        crowd.joined_until = CUSTOMERS // 2
        await crowd.joined(10)
        with Redis.from_url(stack.valkey.url) as redis:
            redis.config_set("appendonly", "no")
        await crowd.joined(CUSTOMERS // 2)
        await kill(stack, "valkey")
        crowd.joined_until = 0

        async def is_back() -> bool:
            return (await storefront.ask("GET", crowd.path)).status == 200

        await wait_until(is_back, PATIENCE_SECONDS, "the room is back")
    lost = [
        name
        for name, indexes in crowd.indexes.items()
        if len(indexes) > 1
        or (await storefront.ask("GET", f"{crowd.path}/place?customer_id={name}")).body.get("index") not in indexes
    ]
    assert lost
