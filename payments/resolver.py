"""The resolver: takes payments to their end that nobody else does.

It finds reservations that have waited for money for a while, asks the gateway for the outcome, and stores that. Several
resolvers at once do no harm: every step is safe to repeat.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog

from engine.backoff import KeyedBackoff
from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.inspection import may_be_unsettled, oldest_unsettled, server_time_ms
from engine.redis_keys import PartitionKeys
from engine.settings import Settings
from payments.gateway import HttpGateway
from payments.outcomes import Observe, observe_nothing
from payments.payments import Payments

log = structlog.get_logger(__name__)

_AT_ONCE = 32
"""Calls under way at the gateway."""

_PER_ROUND = 256
"""Reservations of one partition in one round, so that a gateway that hangs does not make a round endless."""

_LONGEST_PAUSE_SECONDS = 15.0


async def run_resolver(settings: Settings, engine: Engine, observe: Observe = observe_nothing) -> None:
    """Settles what is unsettled, every `resolve_interval_ms`, until cancelled. Outlives Redis and the gateway."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        await Resolver(settings, engine, Payments(engine, gateway, observe), lambda: gateway.answers).run()


class Resolver:
    """Rounds over all partitions, with a growing pause for each reservation that stays unknown.

    While `gateway_answers` returns False, a round asks about one reservation only. Many thousands may wait for a
    gateway that is away. To ask about each again and again would take processor time from the sale.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        payments: Payments,
        gateway_answers: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._payments = payments
        self._pin_ms = settings.pin_seconds * 1000
        # A charge in flight must not be taken for one that was never asked for.
        self._after_ms = max(settings.resolve_after_ms, settings.gateway_timeout_ms + 1)
        shortest = settings.resolve_interval_ms / 1000
        self._backoffs = [KeyedBackoff[str](_LONGEST_PAUSE_SECONDS, shortest) for _ in engine.keys]
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._gateway_answers = gateway_answers
        self._one_is_asked = False

    async def run(self) -> None:
        """Rounds forever, one after the other while there is more to do than one round does."""
        while True:
            more = await self.round()
            if not more:
                await asyncio.sleep(self._settings.resolve_interval_ms / 1000)

    async def round(self) -> bool:
        """One step for each reservation that is due, of many for the oldest; returns whether more may be due."""
        self._one_is_asked = False
        try:
            if not await may_be_unsettled(self._engine.redis, self._engine.keys):
                for backoff in self._backoffs:
                    backoff.keep(())
                return False
        except Fault:  # logged by the engine's outage
            return False
        async with asyncio.TaskGroup() as partitions:
            rounds = [partitions.create_task(self._round_of(keys)) for keys in self._engine.keys]
        return any(one.result() for one in rounds) and self._gateway_answers()

    async def _round_of(self, keys: PartitionKeys) -> bool:
        try:
            due = await self._due(keys)
        except Fault:  # logged by the engine's outage
            return False
        async with asyncio.TaskGroup() as settles:
            for reservation_id in due:
                settles.create_task(self._settle(keys.partition, reservation_id))
        return len(due) == _PER_ROUND

    async def _due(self, keys: PartitionKeys) -> list[str]:
        """Reservations unsettled for long enough, oldest first: at most a round of those that do not pause."""
        backoff, redis = self._backoffs[keys.partition], self._engine.redis
        limit = _PER_ROUND + len(backoff)
        oldest = await oldest_unsettled(redis, keys, limit=limit)
        # The clock is asked only where somebody waits: nearly always nobody does.
        before_ms = await server_time_ms(redis, keys) - self._after_ms if oldest else 0
        found = [waiting.reservation_id for waiting in oldest if waiting.since_ms <= before_ms]
        if len(found) < limit:
            backoff.keep(found)  # somebody else has settled the others
        pausing = backoff.pausing()
        due = [one for one in found if one not in pausing]
        return due[:_PER_ROUND]

    async def _settle(self, partition: int, reservation_id: str) -> None:
        async with self._free:
            if not self._gateway_answers():
                if self._one_is_asked:
                    return
                self._one_is_asked = True
            try:
                settled = await self._payments.settle(reservation_id, pin_ms=self._pin_ms, in_flight_ms=self._after_ms)
            except Fault:  # logged by the engine's outage
                settled = False
            except EngineError:
                # This is the top of a reservation's way: what is broken in one must not stop the money of others.
                log.exception("resolver_bug", reservation_id=reservation_id)
                settled = False
        if settled:
            self._backoffs[partition].succeeded(reservation_id)
            log.info("settled", reservation_id=reservation_id)
        else:
            self._backoffs[partition].failed(reservation_id)
