"""Unfinished work on cancelled events: live holds, and customers to refund.

All of it is found in Postgres, so it goes on after any restart. Every step is safe to repeat, and safe beside another
worker that does the same. A refund has an id, for which the gateway refunds once.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import structlog

from engine.acting import acting_as
from engine.commands.refunds import Refund
from engine.engine import Engine
from engine.errors import EngineBug, EngineError, Fault
from engine.redis_keys import partition_of
from engine.settings import Settings
from payments.gateway import HttpGateway
from payments.outcomes import Observe, observe_nothing
from payments.payments import Payments
from sync.catalogue.cancellations import end_holds
from sync.outbox.catch_up import catch_up
from sync.postgres import Postgres, PostgresAway
from sync.read_models.reservations import StoredReservation, stored_record
from sync.sql import statement

log = structlog.get_logger(__name__)

_AT_ONCE = 96
"""Refunds under way at the same time: enough for 600 a second of a gateway that takes a tenth of a second for each."""

_TICK_SECONDS = 0.05
"""Refunds that the gateway has made in this time are written down together: in a few calls, not one for each."""

_TOGETHER = 8
"""Refunds that begin at the same instant: as many as a call of the worker has (sync/worker.py), with one fsync."""

_MADE_UP_SECONDS = 0.1
_PER_PAGE = 1000
_PATIENCE_SECONDS = 5.0
"""The longest wait for Postgres before the next round."""


async def run_cancellations(
    settings: Settings, engine: Engine, postgres: Postgres, observe: Observe = observe_nothing
) -> None:
    """Looks every `resolve_interval_ms`, until cancelled. Outlives Redis, Postgres and the gateway."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        payments = Payments(engine, gateway, observe, Ticks(_TICK_SECONDS).next)
        cancellations = Cancellations(engine, postgres, payments, settings.refunds_per_second)
        while True:
            try:
                await cancellations.round()
            except (Fault, PostgresAway) as error:
                log.warning("cancellations_wait", error=repr(error))
            await asyncio.sleep(settings.resolve_interval_ms / 1000)


class Pace:
    """Turns at even intervals. Late turns are made up for, but only those of the last tenth of a second."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next = 0.0

    def pause(self, now: float) -> float:
        """Takes the next turn, and tells in how many seconds it is. `now`: of a clock that never goes back."""
        begins = max(now - _MADE_UP_SECONDS, self._next)
        self._next = begins + self._interval
        return max(0.0, begins - now)


class Ticks:
    """Instants at which everything goes on together that has come since the one before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: asyncio.Event | None = None

    async def next(self) -> None:
        """Waits for the next one, which comes `seconds` after the first that waits for it."""
        if self._next is None:
            self._next = asyncio.Event()
            asyncio.get_running_loop().call_later(self._seconds, self._tick)
        await self._next.wait()

    def _tick(self) -> None:
        if self._next is not None:
            self._next.set()
            self._next = None


class Cancellations:
    """Rounds over all events whose work is not finished.

    Refunds are background work: at most `refunds_per_second`, and few at an instant, so that no sale waits for them.
    """

    def __init__(self, engine: Engine, postgres: Postgres, payments: Payments, refunds_per_second: int) -> None:
        self._engine = engine
        self._postgres = postgres
        self._payments = payments
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._pace = Pace(refunds_per_second / _TOGETHER)

    async def round(self) -> None:
        """Takes each event one step on. Raises Fault, PostgresAway."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("open_cancellations"))
        for event_id, has_holds, has_refunds, cancelled_by, refund_by in rows:
            if has_holds:
                await self._end_holds(event_id, cancelled_by)
            if not has_refunds:
                continue
            with acting_as(refund_by):
                done = await self._refund_all(event_id)
            if done:
                async with self._postgres.connection() as connection:
                    await connection.execute(statement("note_refunds_begun"), event_id)
                log.info("refunds_begun", event_id=event_id)

    async def _end_holds(self, event_id: int, cancelled_by: str) -> None:
        try:
            with acting_as(cancelled_by):
                given_back = await end_holds(self._postgres, self._engine, event_id)
            log.info("holds_ended", event_id=event_id, given_back=given_back)
        except EngineBug:
            # What is broken in one event must not stop the money of others; the next round meets it again.
            log.exception("cancellation_bug", event_id=event_id)

    async def _refund_all(self, event_id: int) -> bool:
        """Owes everybody who paid their money, and gives back what it can; True once nobody is left who has paid.

        What the gateway does not give back at once is settled by the resolver.
        """
        keys = self._engine.keys[partition_of(event_id, len(self._engine.keys))]
        if not await catch_up(self._engine.redis, self._postgres, [keys], patience_seconds=_PATIENCE_SECONDS):
            return False
        return await self.refund_paid(event_id) == 0

    async def refund_paid(self, event_id: int) -> int:
        """Refunds those that Postgres knows as paid, at the pace of refunds. Returns how many.

        Raises PostgresAway, after all that was under way has ended.
        """
        found, away = 0, None
        async with asyncio.TaskGroup() as refunds:
            try:
                async for reservation in self._paid(event_id):
                    if found % _TOGETHER == 0:
                        await asyncio.sleep(self._pace.pause(asyncio.get_running_loop().time()))
                    found += 1
                    await self._free.acquire()
                    refunds.create_task(self._refund(reservation))
            except PostgresAway as error:
                away = error
        if away is not None:
            raise away
        return found

    async def _paid(self, event_id: int) -> AsyncIterator[StoredReservation]:
        """The reservations of an event that are paid, by id. Refunds of a page go on while the next one is read."""
        after = ""
        while page := await self._page(event_id, after):
            for reservation in page:
                yield reservation
            after = page[-1].reservation_id

    async def _page(self, event_id: int, after: str) -> list[StoredReservation]:
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("paid_records"), event_id, after, _PER_PAGE)
        return [stored_record(row) for row in rows]

    async def _refund(self, reservation: StoredReservation) -> None:
        """Refunds one reservation, and frees its place among those under way.

        The places that it still has go back. What a manager kept off sale stays so, also where this is sent again, or
        comes just after the manager's own refund.
        """
        refund = Refund(reservation.reservation_id, restock=True, archived=reservation.record, leaves_kept=True)
        try:
            await self._payments.refund(refund)
        except Fault as error:
            log.warning("refund_waits", reservation_id=reservation.reservation_id, error=repr(error))
        except EngineError:
            # What is broken in one must not stop the money of others; the next round meets it again.
            log.exception("refund_bug", reservation_id=reservation.reservation_id)
        finally:
            self._free.release()
