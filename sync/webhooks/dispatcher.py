"""The courier: sends what is due, in order per reservation, many reservations at once. One worker at a time.

A delivery may be repeated: a worker may die after an answer, before it has stored it. No delivery is left out. A
message of a reservation is sent only after all earlier ones were accepted or given up.
"""

import asyncio
from collections import Counter
from contextlib import suppress

import msgspec
import structlog

from engine.backoff import Backoff, KeyedBackoff, pause_after
from engine.settings import Settings
from engine.tracing import Tracer
from sync.metrics import SyncMetrics
from sync.postgres import Connection, Postgres, PostgresAway, own_connection, postgres_faults
from sync.sql import statement
from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.sender import Attempt, Due, Sender

log = structlog.get_logger(__name__)

_LOCK = 746_560_001
"""First half of the advisory lock; the second is 0. That of sync/outbox/leader.py and one."""

_LOOK_SECONDS = 1.0
_MEASURE_SECONDS = 5.0
_TIDY_SECONDS = 30.0
_TIDY_SLICE = 5000
_LONGEST_PAUSE_SECONDS = 5.0
_LONGEST_ENDPOINT_PAUSE_SECONDS = 60.0
_LONGEST_RETRY_MS = 3_600_000
_CONNECTIONS = 2


async def run_webhooks(settings: Settings, metrics: SyncMetrics, tracer: Tracer | None = None) -> None:
    """Delivers forever, while no other worker does. Outlives Postgres and every endpoint.

    With connections of its own: what waits for endpoints must not keep facts from being written.
    """
    own = msgspec.structs.replace(settings, postgres_pool=_CONNECTIONS)
    sender = Sender(AllowedAddresses.of(settings), settings.webhook_timeout_ms / 1000, tracer)
    async with Postgres(own) as postgres, sender:
        await Dispatcher(settings, postgres, sender, metrics).run()


class Dispatcher:
    """Delivers while it holds the lock."""

    def __init__(self, settings: Settings, postgres: Postgres, sender: Sender, metrics: SyncMetrics) -> None:
        self._settings = settings
        self._postgres = postgres
        self._sender = sender
        self._metrics = metrics
        self._seconds = settings.postgres_timeout_ms / 1000
        self._under_way: dict[int, Due] = {}
        self._ended: list[Attempt] = []
        self._news = asyncio.Event()
        self._endpoints = KeyedBackoff[int](_LONGEST_ENDPOINT_PAUSE_SECONDS)
        self._waits_for_lock = Backoff(_LONGEST_PAUSE_SECONDS)
        self._waits_for_postgres = Backoff(_LONGEST_PAUSE_SECONDS)

    async def run(self) -> None:
        """Delivers forever. Calls under way end with the connection that has the lock: another worker may have it."""
        while True:
            try:
                async with own_connection(self._settings, "onsale-sync-webhooks") as connection:
                    await self._lead(connection)
            except* PostgresAway as away:
                log.warning("webhooks_wait", error=str(away.exceptions[0]))
            finally:
                self._under_way.clear()
                self._metrics.webhooks_waiting.set(0)
                self._metrics.webhooks_oldest_seconds.set(0)
                self._metrics.webhook_endpoints_off.set(0)
            await self._waits_for_lock.wait()

    async def _lead(self, connection: Connection) -> None:
        while not await self._lock(connection, [0]):  # noqa: ASYNC110  # nothing tells us that another worker ended
            await asyncio.sleep(_LOOK_SECONDS)
        log.info("delivering_webhooks")
        self._waits_for_lock.reset()
        async with asyncio.TaskGroup() as work:
            work.create_task(self._deliver(), name="webhooks")
            work.create_task(self._measure(), name="webhooks-measure")
            work.create_task(self._tidy(), name="webhooks-tidy")
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                await self._lock(connection, [])

    async def _lock(self, connection: Connection, asked: list[int]) -> bool:
        """Try to take the lock on this connection; raises PostgresAway if the connection is lost."""
        async with postgres_faults(self._seconds):
            return bool(await connection.fetch(statement("lock_partitions"), _LOCK, asked))

    async def _deliver(self) -> None:
        async with asyncio.TaskGroup() as calls:
            while True:
                try:
                    await self._note()
                    due = await self._due()
                except PostgresAway:  # told by its outage
                    await self._waits_for_postgres.wait()
                    continue
                self._waits_for_postgres.reset()
                for each in due:
                    self._under_way[each.delivery_id] = each
                    calls.create_task(self._call(each))
                if not due:
                    await self._wait()

    async def _wait(self) -> None:
        """Until a call has ended, or it is time to look again."""
        try:
            async with asyncio.timeout(self._settings.sync_poll_ms / 1000):
                await self._news.wait()
        except TimeoutError:
            return

    async def _call(self, due: Due) -> None:
        attempt = await self._sender.send(due)
        if attempt.delivered:
            self._endpoints.succeeded(due.webhook_id)
        else:
            self._endpoints.failed(due.webhook_id, attempt.retry_after_ms / 1000)
        self._ended.append(attempt)
        self._news.set()

    async def _due(self) -> list[Due]:
        """The deliveries that are due, at most as many as an endpoint has room for."""
        limit = self._settings.webhook_calls
        busy = Counter(due.webhook_id for due in self._under_way.values())
        closed = {webhook_id for webhook_id, calls in busy.items() if calls >= limit} | self._endpoints.pausing()
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(
                statement("due_webhook_deliveries"), limit, list(closed), list(self._under_way)
            )
        due: list[Due] = []
        for row in rows:
            each = Due(*row)
            if busy[each.webhook_id] < limit:
                busy[each.webhook_id] += 1
                due.append(each)
        return due

    async def _note(self) -> None:
        """Stores the outcomes of deliveries. Until that is done they count as under way, and nothing follows them."""
        self._news.clear()
        ended = self._ended[:]
        if not ended:
            return
        gone = [attempt.due for attempt in ended if attempt.gone]
        pauses = [self._pause_ms(attempt) for attempt in ended]
        async with self._postgres.transaction() as connection:
            died: int = await connection.fetchval(
                statement("record_webhook_attempts"),
                [attempt.due.delivery_id for attempt in ended],
                [attempt.delivered for attempt in ended],
                [attempt.gone for attempt in ended],
                pauses,
                [attempt.status for attempt in ended],
                [attempt.error.replace("\0", "\\0") for attempt in ended],
                self._settings.webhook_window_seconds,
            )
            if gone:
                await connection.execute(
                    statement("disable_gone_webhooks"), [due.webhook_id for due in gone], [due.url for due in gone]
                )
        del self._ended[: len(ended)]
        for attempt in ended:
            self._under_way.pop(attempt.due.delivery_id, None)
        self._tell(ended, died)
        if gone:
            await self.measure()

    def _tell(self, ended: list[Attempt], died: int) -> None:
        for attempt in ended:
            self._metrics.webhook_calls.labels("delivered" if attempt.delivered else "failed").inc()
            if attempt.gone:
                log.warning("webhook_gone", webhook_id=attempt.due.webhook_id, remedy="enable it when it is back")
        self._tell_dead(died)

    def _tell_dead(self, died: int) -> None:
        if died:
            self._metrics.webhooks_dead.inc(died)
            log.error("webhooks_dead", deliveries=died, remedy="see GET /v1/webhooks/{id}/deliveries?status=dead")

    def _pause_ms(self, attempt: Attempt) -> int:
        """Doubling from `webhook_retry_ms` to an hour."""
        return int(pause_after(attempt.due.attempts, self._settings.webhook_retry_ms, _LONGEST_RETRY_MS))

    async def _measure(self) -> None:
        while True:
            with suppress(PostgresAway):  # told by its outage
                await self.measure()
            await asyncio.sleep(_MEASURE_SECONDS)

    async def measure(self) -> None:
        """Counts what waits, and the endpoints that were switched off. Raises PostgresAway."""
        async with self._postgres.connection() as connection:
            ((waiting, oldest_seconds, off),) = await connection.fetch(statement("measure_webhook_queue"))
        self._metrics.webhooks_waiting.set(waiting)
        self._metrics.webhooks_oldest_seconds.set(oldest_seconds)
        self._metrics.webhook_endpoints_off.set(off)

    async def _tidy(self) -> None:
        while True:
            with suppress(PostgresAway):  # told by its outage
                await self.tidy()
            await asyncio.sleep(_TIDY_SECONDS)

    async def tidy(self) -> None:
        """Gives up what has waited for too long, and deletes what ended long ago: a slice of each."""
        window_seconds, keep_seconds = self._settings.webhook_window_seconds, self._settings.webhook_keep_seconds
        async with self._postgres.connection() as connection:
            died = await connection.fetchval(statement("give_up_webhook_deliveries"), window_seconds, _TIDY_SLICE)
            await connection.execute(statement("tidy_webhook_deliveries"), keep_seconds, _TIDY_SLICE)
        self._tell_dead(died)
