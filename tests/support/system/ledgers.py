"""The books of Redis, Postgres and the gateway, read with nothing of ours, and compared."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import msgspec
from redis import Redis

from tests.support.invariants import check_invariants
from tests.support.system.process_stack import Stack
from tests.support.waiting import wait_until

_TIMEOUT_SECONDS = 30
_SYNC_SECONDS = 60
_SHOWN = 20

Client: TypeAlias = Any
"""A `redis.Redis` that decodes nothing; its annotations name the replies of all protocols and decodings at once."""


class Line(NamedTuple):
    """Places of one ticket."""

    ticket_id: int
    quantity: int
    unit_minor: int


class Payment(NamedTuple):
    """An attempt to pay."""

    id: str
    status: str
    amount_minor: int


class Reservation(NamedTuple):
    """A reservation, as Redis and Postgres both have to have it. Payments by id."""

    status: str
    event_id: int
    customer_id: str
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...]

    @property
    def places(self) -> int:
        """Places in all lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def sold_minor(self) -> int:
        """The price of what is sold."""
        return sum(line.quantity * line.unit_minor for line in self.lines) if self.status == "paid" else 0


class Charge(NamedTuple):
    """A charge in the gateway's ledger."""

    id: str
    state: str
    refunded: bool
    """All of it went back."""
    amount_minor: int = 0
    given_back_minor: int = 0


async def check_books(stack: Stack) -> None:
    """Redis is sound, and Postgres has each reservation of Redis once, as it is there. Needs a sync worker."""
    await wait_until(lambda: sync_has_caught_up(stack), _SYNC_SECONDS, "sync has written everything")
    for url in stack.redis_urls():
        check_invariants(url)
    found = await differences(stack)
    assert not found, "\n".join(found[:_SHOWN])
    audit = await stack.run("audit")
    assert audit.status == 0, audit.output


async def differences(stack: Stack) -> list[str]:
    """Reservations that are in one book only, or differ; and facts that were given up."""
    in_redis, in_postgres = redis_reservations(stack), await postgres_reservations(stack)
    found = [
        f"{rid}: {in_redis.get(rid)} in Redis, {in_postgres.get(rid)} in Postgres"
        for rid in sorted({*in_redis, *in_postgres})
        if in_redis.get(rid) != in_postgres.get(rid)
    ]
    dead = await _fetch(stack, "SELECT count(*) FROM dead_letters")
    return found + [f"{count} dead letters" for (count,) in dead if count]


async def sync_has_caught_up(stack: Stack) -> bool:
    """Postgres is where the outboxes end, and nothing is left in them."""
    outboxes = _outboxes(stack)
    if any(outbox.entries for outbox in outboxes.values()):
        return False
    rows = await _fetch(stack, "SELECT partition, epoch, sequence FROM outbox_offsets WHERE sequence > 0")
    return {partition: (epoch, sequence) for partition, epoch, sequence in rows} == {
        partition: (outbox.epoch, outbox.sequence) for partition, outbox in outboxes.items() if outbox.sequence
    }


def entries_left(stack: Stack) -> int:
    """Entries of all outboxes that sync has not written and trimmed."""
    return sum(outbox.entries for outbox in _outboxes(stack).values())


def entries_trimmed(stack: Stack) -> int:
    """Entries of all outboxes that sync has written and trimmed."""
    return sum(outbox.sequence - outbox.entries for outbox in _outboxes(stack).values())


def redis_reservations(stack: Stack) -> Mapping[str, Reservation]:
    """All reservations in Redis: the live ones from the ledgers, the ended ones from their hold keys."""
    found = live_reservations(stack)
    for url in stack.redis_urls():
        with _redis(url) as redis:
            for key in redis.scan_iter("{p*}:hold:*", count=1000):
                rid, stored = key.decode().partition(":hold:")[2], redis.get(key)
                if stored != b"held":
                    assert rid not in found, f"{rid} is in a ledger and archived"
                    found[rid] = _reservation(stored)
    return found


def live_reservations(stack: Stack) -> dict[str, Reservation]:
    """The reservations in the ledgers of Redis."""
    with _partitions(stack) as partitions:
        return {
            rid.decode(): _reservation(record)
            for partition, redis in partitions.items()
            for rid, record in redis.hgetall(stack.key(partition, "ledger")).items()
        }


def unsettled(stack: Stack) -> int:
    """Reservations in Redis that wait for money to come or to go back."""
    with _partitions(stack) as partitions:
        return sum(redis.zcard(stack.key(partition, "unsettled")) for partition, redis in partitions.items())


def redis_time(stack: Stack) -> datetime:
    """The clock that decides about holds."""
    with _redis(stack.redis_urls()[0]) as redis:
        seconds, micros = redis.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)


async def postgres_reservations(stack: Stack) -> Mapping[str, Reservation]:
    """All reservations in Postgres."""
    items: dict[str, list[Line]] = {}
    for rid, *line in await _fetch(
        stack, "SELECT reservation_id, ticket_id, quantity, unit_minor FROM reservation_items ORDER BY position"
    ):
        items.setdefault(rid, []).append(Line(*line))
    payments: dict[str, list[Payment]] = {}
    for rid, *payment in await _fetch(stack, "SELECT reservation_id, id, status, amount_minor FROM payments"):
        payments.setdefault(rid, []).append(Payment(*payment))
    return {
        rid: Reservation(status, event_id, customer_id, tuple(items.get(rid, [])), tuple(sorted(payments.get(rid, []))))
        for rid, status, event_id, customer_id in await _fetch(
            stack, "SELECT id, status, event_id, customer_id FROM reservations"
        )
    }


def gateway_charges(stack: Stack) -> list[Charge]:
    """All charges that the gateway was ever asked for."""
    with sqlite3.connect(stack.gateway_file) as db:
        returned = "coalesce((SELECT sum(amount) FROM refunds WHERE charge_id = charges.id), 0)"
        rows = db.execute(f"SELECT id, state, coalesce(amount, 0), {returned} FROM charges").fetchall()  # noqa: S608  # ours
    db.close()
    return [Charge(charge_id, state, 0 < amount <= back, amount, back) for charge_id, state, amount, back in rows]


class _Outbox(NamedTuple):
    epoch: int
    sequence: int
    entries: int


def _outboxes(stack: Stack) -> Mapping[int, _Outbox]:
    """By partition: the last position, and how many entries are there."""
    found = {}
    with _partitions(stack) as partitions:
        for partition, redis in partitions.items():
            epoch, sequence, before = redis.hmget(stack.key(partition, "meta"), "epoch", "seq", "before")
            if int(sequence) == 0 and before:  # an epoch without an entry: the last one is of an epoch before
                epoch, sequence = before.split(b"-")
            found[partition] = _Outbox(int(epoch), int(sequence), redis.xlen(stack.key(partition, "outbox")))
    return found


def _reservation(packed: bytes) -> Reservation:
    record = msgspec.msgpack.decode(packed)
    (state, event_id, customer_id), (lines, attempts) = record[:3], record[8:10]
    return Reservation(
        state,
        event_id,
        customer_id,
        tuple(Line(ticket_id, quantity, unit) for ticket_id, _pool, quantity, unit, *_seats in lines),
        tuple(sorted(Payment(attempt[0], attempt[1], attempt[2]) for attempt in attempts)),
    )


@contextmanager
def _partitions(stack: Stack) -> Iterator[dict[int, Client]]:
    """By partition, a client of its server; one for each server."""
    with ExitStack() as opened:
        clients: dict[str, Client] = {}
        found = {}
        for partition in range(stack.settings.partitions):
            url = stack.redis_url_of(stack.key(partition, "meta"))
            if url not in clients:
                clients[url] = opened.enter_context(_redis(url))
            found[partition] = clients[url]
        yield found


def _redis(url: str) -> Client:
    return Redis.from_url(url, socket_timeout=_TIMEOUT_SECONDS)


async def _fetch(stack: Stack, sql: str) -> list[Any]:
    connection = await asyncpg.connect(stack.settings.postgres_url, timeout=_TIMEOUT_SECONDS)
    try:
        return list(await connection.fetch(sql, timeout=_TIMEOUT_SECONDS))
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)
