"""The stage of tests of sync: an event that sells, and the worker's parts one by one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from engine.catalogue import EventSnapshot
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, SettleRefund
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.ids import new_attempt_id, new_reservation_id
from engine.outbox import BEGINNING, Entry, read_outbox
from engine.records import Record
from engine.redis_keys import PartitionKeys
from engine.results.holds import Held
from engine.results.payments import Paid, Paying
from engine.results.refunds import RefundDue, Refunded
from engine.results.reservations import Found
from engine.settings import Settings
from engine.words import EventStatus
from sync.catalogue.editor import CatalogueEditor
from sync.catalogue.event_publisher import EventPublisher
from sync.catalogue.fields import NewEvent, NewTicket
from sync.metrics import SyncMetrics
from sync.outbox.reader import OutboxReader
from sync.postgres import Postgres

PRICE_MINOR = 2500
DETAILS = '{"last_name": "Karimov",  "first_name": "Islom"}'
"""With spaces and an order of its own: a record is rebuilt with the text as it came."""


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs work that never ends beside the block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


class BoxOffice:
    """An event with one ticket on sale, and Postgres behind it."""

    def __init__(self, settings: Settings, engine: Engine, postgres: Postgres) -> None:
        self.settings = settings
        self.engine = engine
        self.postgres = postgres
        self.metrics = SyncMetrics()
        self.catalogue = CatalogueEditor(postgres, engine)
        self.publisher = EventPublisher(postgres, engine)
        self.event: EventSnapshot

    async def open(self, *, capacity: int = 100, hold_seconds: int = 900) -> None:
        self.event = await self.catalogue.create_event(
            NewEvent(
                name="Concert",
                starts_at=datetime(2027, 6, 1, 18, tzinfo=UTC),
                status=EventStatus.ON_SALE,
                hold_seconds=hold_seconds,
                max_per_customer=1000,
                tickets=[NewTicket("Regular", PRICE_MINOR, capacity)],
            )
        )

    @property
    def ticket_id(self) -> int:
        return self.event.tickets[0].ticket_id

    @property
    def keys(self) -> PartitionKeys:
        return self.engine.keys[self.event.event_id % self.settings.partitions]

    def reader(self) -> OutboxReader:
        return OutboxReader(self.settings, self.engine.redis, self.postgres, self.keys, self.metrics)

    async def hold(self, quantity: int = 1, customer_id: str = "c1") -> str:
        rid = new_reservation_id(self.event.event_id)
        items = [(self.ticket_id, quantity)]
        held = await self.engine.submit(
            Hold(rid, self.event.event_id, customer_id, DETAILS, "digest", items_text(items))
        )
        assert isinstance(held, Held), held
        return rid

    async def cancel(self, rid: str) -> None:
        await self.engine.submit(Cancel(rid))

    async def begin(self, rid: str) -> str:
        attempt_id = new_attempt_id(rid)
        total = (await self.record(rid)).total_minor
        assert isinstance(await self.engine.submit(BeginPayment(rid, attempt_id, total, "paid with")), Paying)
        return attempt_id

    async def fail(self, rid: str) -> str:
        attempt_id = await self.begin(rid)
        await self.engine.submit(FailPayment(rid, attempt_id, "card_declined"))
        return attempt_id

    async def pay(self, rid: str) -> str:
        attempt_id = await self.begin(rid)
        assert isinstance(await self.engine.submit(ConfirmPayment(rid, attempt_id)), Paid)
        return attempt_id

    async def refund(self, rid: str, attempt_id: str, *, restock: bool = True) -> None:
        assert isinstance(await self.engine.submit(Refund(rid, restock)), RefundDue)
        assert isinstance(await self.engine.submit(SettleRefund(rid, attempt_id, rid)), Refunded)

    async def record(self, rid: str) -> Record:
        found = await self.engine.submit(Find(rid))
        assert isinstance(found, Found), found
        return found.record

    async def entries(self) -> list[Entry]:
        return await read_outbox(self.engine.redis, self.keys, BEGINNING, limit=10_000, block_ms=1)

    async def outbox_is_empty(self) -> bool:
        return await self.engine.redis.xlen(self.keys.outbox) == 0

    async def sql(self, query: str, *arguments: Any) -> Any:
        """The first value that a query finds."""
        async with self.postgres.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def statuses(self) -> dict[str, str]:
        async with self.postgres.connection() as connection:
            rows = await connection.fetch("SELECT id, status FROM reservations")
            return {rid: status for rid, status in rows}
