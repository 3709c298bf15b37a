"""The present state of every sale and of this installation: one answer for the whole console, however many watch it.

A page asks for it every two seconds. Readings that cost work are remembered by each process, so a hundred managers cost
as much as one.
"""

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from secrets import token_hex
from typing import NamedTuple

import aiohttp
from aiohttp import web
from msgspec import UNSET

from api.access.callers import caller_of
from api.app_keys import ENGINE, POSTGRES, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.catalogue.stock import STOCK, Watch, told_counts
from api.console.conditions import DEAD_LETTERS_SECONDS, Observed, alerts_of
from api.console.counts import Counts, counts_of
from api.console.prometheus import Prometheus, PrometheusAway
from api.console.remembered import Remembered
from api.console.schemas import ActiveAlert, EventNow, HoldTimes, Installation, Now, Places, StoredSales
from api.http.replies import Reply, json_reply
from api.http.times import optional_rfc3339, rfc3339
from api.http.types import Money
from api.operations.handlers import METRICS_DIRECTORY, NO_MEMORY, READINESS, Missing, shared_metrics
from engine.catalogue import EventSnapshot
from engine.errors import Fault
from engine.memory import fullest_memory
from engine.open_work import OpenWork, open_work_of
from engine.redis_keys import PartitionKeys, partition_of
from engine.stock import TicketCounts
from sync.postgres import PostgresAway
from sync.read_models.late_work import LateWork, read_late_work
from sync.read_models.statistics import EventFigures, list_event_statistics

_MOST_EVENTS = 200
_SHOWN_AFTER_START_MS = 86_400_000
_LOOK_SECONDS, _SALES_SECONDS, _LATE_SECONDS = 1.0, 2.0, 10.0


class Counted(NamedTuple):
    """Counts; `counting` is another text when they start again.

    `alerts`: None where Prometheus does not tell them. `problem`: what is wrong with a Prometheus that is set.
    """

    counting: str
    counts: Counts
    alerts: list[ActiveAlert] | None
    problem: str | None


class NowBoard:
    """The readings of a process."""

    def __init__(self, app: web.Application, prometheus: Prometheus | None) -> None:
        self._app, self._prometheus = app, prometheus
        self._own_counting = _name_of_own_counts()
        self._counted = Remembered(self._count, _LOOK_SECONDS)
        self._observed = Remembered(self._observe, _LOOK_SECONDS)
        self._sales = Remembered(self._read_sales, _SALES_SECONDS)
        self._late = Remembered(self._read_late_work, _LATE_SECONDS)

    async def read(self, of_events: frozenset[int] | None) -> Now:
        """The answer for a manager of these events; None: of all. Raises Fault if the catalogue was never read."""
        now_ms = round(time.time() * 1000)
        events = [
            event
            for event in await self._app[CATALOGUE].events()
            if (of_events is None or event.event_id in of_events)
            and (event.schedule is not None or event.starts_ms > now_ms - _SHOWN_AFTER_START_MS)
        ]
        shown = events[:_MOST_EVENTS]
        places, sales, observed, counted = await asyncio.gather(
            self._places_of(shown), self._sales_of(), self._observed.get(), self._counted.get()
        )
        tiles = [self._event_now(event, places, sales, observed, counted.counts) for event in shown]
        health = _health(observed, counted) if of_events is None else None
        return Now(rfc3339(now_ms), counted.counting, tiles, len(events) - len(shown), health)

    def _event_now(
        self,
        event: EventSnapshot,
        places: Mapping[int, Places],
        sales: Mapping[int, EventFigures],
        observed: Observed,
        counts: Counts,
    ) -> EventNow:
        partition = partition_of(event.event_id, self._app[SETTINGS].partitions)
        work, figures = observed.work.get(partition), sales.get(event.event_id)
        return EventNow(
            id=event.event_id,
            name=event.name,
            status=event.status,
            starts_at=rfc3339(event.starts_ms),
            timezone=event.timezone,
            sale_opens_at=optional_rfc3339(event.sale_opens_ms),
            sale_closes_at=optional_rfc3339(event.sale_closes_ms),
            timed=event.schedule is not None,
            partition=partition,
            places=places.get(event.event_id),
            stored=None if figures is None else _stored(figures),
            lag_ms=None if work is None else work.outbox_ms,
            refused=counts.refused.get(event.event_id, {}),
        )

    async def _places_of(self, events: Iterable[EventSnapshot]) -> dict[int, Places]:
        """Without those of events whose part of Redis does not answer, and of timed ones."""
        partitions = self._app[SETTINGS].partitions
        by_partition: dict[int, list[EventSnapshot]] = {}
        for event in events:
            if event.schedule is None:
                by_partition.setdefault(partition_of(event.event_id, partitions), []).append(event)
        found: dict[int, Places] = {}
        for part in await asyncio.gather(*map(self._places_of_partition, by_partition.values())):
            found |= part
        return found

    async def _places_of_partition(self, events: Sequence[EventSnapshot]) -> dict[int, Places]:
        stock = self._app[STOCK]
        known = [stock.counts_of(event) for event in events]
        try:
            await stock.look(Watch(known), own=False)
        except Fault:
            return {}
        return {each.event.event_id: _places(each.event, told_counts(each).tickets) for each in known}

    async def _sales_of(self) -> dict[int, EventFigures]:
        try:
            return await self._sales.get()
        except PostgresAway:
            return {}

    async def _read_sales(self) -> dict[int, EventFigures]:
        events = {event.event_id for event in await self._app[CATALOGUE].events()}
        rows = await list_event_statistics(self._app[POSTGRES], limit=len(events), of_events=events)
        return {row.event_id: row for row in rows}

    async def _read_late_work(self) -> LateWork:
        return await read_late_work(self._app[POSTGRES], dead_letters_of_seconds=DEAD_LETTERS_SECONDS)

    async def _observe(self) -> Observed:
        app = self._app
        readiness, work, memory_ratio, late = await asyncio.gather(
            app[READINESS].look(app), self._open_work(), self._memory_ratio(), self._late_work()
        )
        queued = app[ENGINE].queued()
        if isinstance(readiness, Missing):
            return Observed(
                "full" if readiness is NO_MEMORY else "away",
                "away" if late is None else "ok",
                [],
                work,
                memory_ratio,
                queued,
                late,
            )
        away = [] if readiness.partitions is UNSET else readiness.partitions.away
        return Observed("ok", readiness.postgres, away, work, memory_ratio, queued, late)

    async def _open_work(self) -> dict[int, OpenWork]:
        """Of the partitions that answer."""
        engine = self._app[ENGINE]

        async def look(keys: PartitionKeys) -> OpenWork | None:
            try:
                return await open_work_of(engine.redis, keys)
            except Fault:
                return None

        found = await asyncio.gather(*map(look, engine.keys))
        return {keys.partition: work for keys, work in zip(engine.keys, found, strict=True) if work is not None}

    async def _memory_ratio(self) -> float | None:
        try:
            return (await fullest_memory(self._app[ENGINE].redis, self._app[SETTINGS].memory_percent)).used_ratio
        except Fault:
            return None

    async def _late_work(self) -> LateWork | None:
        try:
            return await self._late.get()
        except PostgresAway:
            return None

    async def _count(self) -> Counted:
        problem = None
        if self._prometheus is not None:
            try:
                counts, alerts = await asyncio.gather(self._prometheus.counts(), self._prometheus.alerts())
            except PrometheusAway as error:
                problem = str(error)
            else:
                return Counted("prometheus", counts, alerts, None)
        # Reading the files of all processes takes some milliseconds, in which holds should not wait.
        own = await asyncio.to_thread(counts_of, shared_metrics(self._app))
        return Counted(self._own_counting, own, None, problem)


NOW_BOARD: web.AppKey[NowBoard] = web.AppKey("now_board")


async def read_console_now(request: web.Request) -> Reply:
    """GET /v1/console/now: reads how every sale that is not over stands, and this installation.

    A process reads again once a second at most, and Postgres every two seconds. A part that does not answer makes its
    figures null; the answer comes all the same.
    """
    return json_reply(await request.app[NOW_BOARD].read(caller_of(request).events))


async def now_board(app: web.Application) -> AsyncIterator[None]:
    """The board, for as long as the application runs."""
    url = app[SETTINGS].prometheus_url
    async with aiohttp.ClientSession() as session:
        app[NOW_BOARD] = NowBoard(app, Prometheus(session, url) if url else None)
        yield


def _name_of_own_counts() -> str:
    """Processes that share their metrics have one name for them."""
    shared = os.environ.get(METRICS_DIRECTORY)
    return blake2b(shared.encode(), digest_size=6).hexdigest() if shared else token_hex(6)


def _places(event: EventSnapshot, tickets: Mapping[int, TicketCounts]) -> Places:
    """Each pool counts once: tickets of one section without seats (Adult, Child) are taken from the same."""
    by_pools = {
        tuple(ticket.pools): tickets[ticket.ticket_id] for ticket in event.tickets if ticket.ticket_id in tickets
    }
    pools = by_pools.values()
    return Places(
        capacity=sum(pool.capacity for pool in pools),
        available=sum(pool.available for pool in pools),
        held=sum(pool.held + pool.paying for pool in pools),
        sold=sum(pool.sold for pool in pools),
        kept=sum(pool.kept for pool in pools),
    )


def _stored(figures: EventFigures) -> StoredSales:
    return StoredSales(figures.held, figures.sold, Money(figures.revenue_minor, figures.currency))


def _health(seen: Observed, counted: Counted) -> Installation:
    up_to = counted.counts.up_to
    totals = [0, *up_to.values()]
    return Installation(
        source="server" if counted.alerts is None else "prometheus",
        prometheus=counted.problem,
        redis=seen.redis,
        postgres=seen.postgres,
        lag_ms=seen.lag_ms,
        hold_times=HoldTimes(
            [seconds * 1000 for seconds in up_to if seconds != math.inf],
            [more - less for less, more in pairwise(totals)],
        ),
        alerts=alerts_of(seen) if counted.alerts is None else counted.alerts,
    )
