"""Stock of the benchmark: an event with one ticket and one with seats, always in the same initial state."""

import asyncio
from contextlib import aclosing

import asyncpg
import msgspec

from engine.catalogue import EventSnapshot, TicketSnapshot, publish_event, publish_venue
from engine.client import Redis
from engine.commands.codes import PutCodes
from engine.commands.events import Count
from engine.engine import Engine
from engine.results.events import Counts
from engine.server import connect
from engine.settings import Settings
from engine.terms import CodeTerms
from engine.words import CodeKind, DiscountForm, EventStatus
from loadtest.bench.request_spec import HOLDS_WITH_A_TOKEN, Counter, RequestSpec
from loadtest.bench.venue import bench_venue, seated_event, section_maps

EVENT_ID = 1

QUANTITY = 2
"""Places in each hold."""

PLACES = RequestSpec(f'[{{"ticket_id":1,"quantity":{QUANTITY}}}]')
"""Places that are all alike."""

KEYED = PLACES._replace(keyed=True)
"""The same, with an `Idempotency-Key` each."""

GUARDED = PLACES._replace(
    issuer=Settings(
        jwt_secret="for the benchmark, which is on loopback",  # noqa: S106  # no secret
        customer_per_minute=60,
        address_per_minute=60_000,
        address_burst=10_000_000,
        live_holds=HOLDS_WITH_A_TOKEN,
        cool_down_expiries=5,
    )
)
"""The same, with a token for each customer, and with all limits. All customers have one address."""

CODES = 20_000
"""Codes of the event with the same terms. No batch has that many holds."""

WITH_CODE = PLACES._replace(code="FAN-000000")
"""The same, all under one code."""

WITH_OWN_CODES = PLACES._replace(code="FAN-%06d", numbers=(Counter(0, 1, CODES),))
"""The same, each under another code than those around it."""

AVAILABILITY = RequestSpec(path=f"/v1/events/{EVENT_ID}/availability")
"""A read of what is left of them."""

_CODES_AT_ONCE = 1000
_TIMEOUT_SECONDS = 30
_POLL_SECONDS = 0.02


def bench_event() -> EventSnapshot:
    """One event that cannot sell out, with holds of the usual length: none expires while it is measured."""
    return EventSnapshot(
        event_id=EVENT_ID,
        version=1,
        name="Big event",
        starts_ms=1_811_872_800_000,
        timezone="Europe/Warsaw",
        venue_id=None,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[TicketSnapshot(ticket_id=1, ticket_type="VIP", unit_minor=30_000, capacity=100_000_000)],
    )


class CallCosts(msgspec.Struct, frozen=True):
    """The costs of FCALLs on the server since `reset_call_costs`, by INFO commandstats."""

    calls: int
    micros: int


async def renew_redis(settings: Settings) -> None:
    """Empties the server and publishes both events; its append-only file starts again."""
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        await engine.redis.execute_command("FLUSHALL", "SYNC")
        await engine.init_partitions()
        await publish_event(engine, bench_event())
        await publish_codes(engine)
        venue = bench_venue()
        await publish_venue(engine, venue)
        await publish_event(engine, seated_event(venue), section_maps(venue))
        await _rewrite_log(engine.redis)


async def publish_codes(engine: Engine) -> None:
    """Makes the codes of the event: half off, with more uses than come."""
    terms = CodeTerms(CodeKind.DISCOUNT, max_uses=10**9, form=DiscountForm.PERCENT, amount=50)
    for first in range(0, CODES, _CODES_AT_ONCE):
        names = [WITH_OWN_CODES.code % number for number in range(first, first + _CODES_AT_ONCE)]
        await engine.submit(PutCodes(EVENT_ID, terms, names))


async def _rewrite_log(redis: Redis) -> None:
    """Lets the server rewrite its log now, so that it does not do so in the middle of a measurement."""
    await redis.execute_command("BGREWRITEAOF")
    while True:
        info = await redis.info("persistence")
        if not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def redis_sold(settings: Settings, event_id: int) -> int:
    """Holds that the event has; its first ticket is of all its places."""
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        counts = await engine.submit(Count(event_id))
    return counts.tickets[0].held // QUANTITY if isinstance(counts, Counts) else 0


async def reset_call_costs(settings: Settings) -> None:
    """Counts the cost of FCALLs from here on."""
    async with asyncio.timeout(_TIMEOUT_SECONDS), aclosing(connect(settings, 1)) as redis:
        await redis.execute_command("CONFIG", "RESETSTAT")


async def call_costs(settings: Settings) -> CallCosts:
    """The costs of FCALLs until now."""
    async with asyncio.timeout(_TIMEOUT_SECONDS), aclosing(connect(settings, 1)) as redis:
        stats = (await redis.info("commandstats")).get("cmdstat_fcall", {"calls": 0, "usec": 0})
    return CallCosts(int(stats["calls"]), int(stats["usec"]))


async def renew_postgres(url: str) -> None:
    """Makes the tables of loadtest/bench/postgres_alone.py, with all places free."""
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS bench_pools (id integer PRIMARY KEY, available integer NOT NULL);
            CREATE TABLE IF NOT EXISTS bench_holds (
              id text PRIMARY KEY,
              pool_id integer NOT NULL,
              customer_id text NOT NULL,
              details json NOT NULL,
              quantity integer NOT NULL,
              created_at timestamptz NOT NULL,
              expires_at timestamptz NOT NULL
            );
            TRUNCATE bench_holds, bench_pools;
            INSERT INTO bench_pools VALUES (1, 100000000);
            """,
            timeout=_TIMEOUT_SECONDS,
        )
        await connection.execute("CHECKPOINT", timeout=_TIMEOUT_SECONDS)
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)


async def postgres_sold(url: str) -> int:
    """The number of holds."""
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        sold: int = await connection.fetchval("SELECT count(*) FROM bench_holds", timeout=_TIMEOUT_SECONDS)
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)
    return sold
