"""The stage of tests of payments: an event on sale, and a gateway over HTTP that can go and come back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from cli.gateway.app import create_gateway_app
from engine.commands.events import Count, PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.facts import decode_facts
from engine.ids import new_attempt_id, new_reservation_id
from engine.inspection import server_time_ms
from engine.outbox import BEGINNING, read_outbox
from engine.records import Record
from engine.redis_keys import partition_of
from engine.results.events import Counts, Published
from engine.results.holds import Held
from engine.results.reservations import Found
from engine.stock import PoolCapacity, TicketCounts
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from payments.gateway import HttpGateway
from payments.payments import Payments
from tests.support.waiting import wait_until

EVENT_ID = 1
TICKET_ID = 7
PRICE_MINOR = 2500
TIMEOUT_SECONDS = 0.25
"""The patience of a test that waits for an answer in vain."""

_PATIENT_SECONDS = 10
SETTLE_AFTER_MS = 400
LONG_PIN_MS = 600_000


class Shop:
    """One event with one ticket, and a way to the gateway."""

    def __init__(self, engine: Engine, data_file: Path) -> None:
        self.engine = engine
        self.data_file = data_file
        self.settle_after_ms = SETTLE_AFTER_MS
        self.gateway_seconds: float = _PATIENT_SECONDS

    async def open(self, *, capacity: int = 10, hold_ms: int = 60_000, price_minor: int = PRICE_MINOR) -> None:
        terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 10, [TicketTerms(TICKET_ID, ["7"], price_minor)])
        put = PutEvent(EVENT_ID, terms, [PoolCapacity("7", capacity)])
        assert isinstance(await self.engine.submit(put), Published)

    async def hold(self, quantity: int = 1, customer_id: str = "c1") -> str:
        reservation_id = new_reservation_id(EVENT_ID)
        held = await self.engine.submit(
            Hold(reservation_id, EVENT_ID, customer_id, "{}", "digest", items_text([(TICKET_ID, quantity)]))
        )
        assert isinstance(held, Held)
        return reservation_id

    async def find(self, reservation_id: str) -> Record:
        found = await self.engine.submit(Find(reservation_id))
        assert isinstance(found, Found)
        return found.record

    async def counts(self) -> TicketCounts:
        counts = await self.engine.submit(Count(EVENT_ID))
        assert isinstance(counts, Counts)
        return counts.tickets[0]

    def begin(self, reservation_id: str, attempt_id: str | None = None, quantity: int = 1) -> BeginPayment:
        attempt_id = attempt_id or new_attempt_id(reservation_id)
        return BeginPayment(reservation_id, attempt_id, quantity * PRICE_MINOR, "digest")

    @asynccontextmanager
    async def gateway_open(self, *, answers_after: float = 0, port: int | None = None) -> AsyncIterator[TestServer]:
        """The gateway's process, here in ours. `answers_after`: it does what it is asked, and says so later."""
        app = create_gateway_app(self.data_file, settle_after_ms=self.settle_after_ms)

        async def answer_late(_request: object, _response: object) -> None:
            await asyncio.sleep(answers_after)

        app.on_response_prepare.append(answer_late)
        server = TestServer(app, port=port or 0)
        async with server:
            yield server

    @asynccontextmanager
    async def payments(self, *, answers_after: float = 0) -> AsyncIterator[Payments]:
        """Payments at a gateway that is up. One that answers late is not waited for."""
        seconds = TIMEOUT_SECONDS if answers_after else self.gateway_seconds
        async with (
            self.gateway_open(answers_after=answers_after) as server,
            self.gateway_at(server, seconds) as gateway,
        ):
            yield Payments(self.engine, gateway)

    @asynccontextmanager
    async def gateway_at(self, server: TestServer, seconds: float | None = None) -> AsyncIterator[HttpGateway]:
        async with aiohttp.ClientSession() as session:
            yield HttpGateway(session, str(server.make_url("/")), seconds or self.gateway_seconds)

    def payments_over(self, gateway: HttpGateway) -> Payments:
        return Payments(self.engine, gateway)

    async def until_deadline(self, reservation_id: str) -> None:
        deadline_ms = (await self.find(reservation_id)).deadline_ms

        async def passed() -> bool:
            return await server_time_ms(self.engine.redis) > deadline_ms

        await wait_until(passed)

    async def facts(self) -> list[str]:
        """The facts, in order."""
        keys = self.engine.keys[partition_of(EVENT_ID, len(self.engine.keys))]
        entries = await read_outbox(self.engine.redis, keys, BEGINNING, limit=100, block_ms=1)
        return [fact.word.value for entry in entries for fact in decode_facts(entry.payload)]

    @asynccontextmanager
    async def payments_without_gateway(self) -> AsyncIterator[Payments]:
        """Payments at a gateway that is down."""
        async with self.gateway_open() as server, aiohttp.ClientSession() as session:
            gateway = HttpGateway(session, str(server.make_url("/")), TIMEOUT_SECONDS)
            await server.close()
            yield Payments(self.engine, gateway)

    def money(self) -> dict[str, str]:
        """By attempt, whether the gateway keeps the money or has given it back."""
        with sqlite3.connect(self.data_file) as db:
            returned = "(SELECT sum(amount) FROM refunds WHERE charge_id = charges.id) = amount"
            rows = db.execute(f"SELECT id, {returned} FROM charges WHERE state = 'completed'").fetchall()  # noqa: S608  # our own column
        db.close()
        return {str(attempt_id): "refunded" if refunded else "kept" for attempt_id, refunded in rows}

    def forget_charge(self, attempt_id: str) -> None:
        """Damages the gateway's ledger."""
        with sqlite3.connect(self.data_file) as db:
            db.execute("DELETE FROM charges WHERE id = ?", (attempt_id,))
        db.close()
