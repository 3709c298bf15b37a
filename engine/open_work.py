"""Work that a partition has open: facts that Postgres does not have, holds to give back, money that waits."""

from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.facts import decode_booking_facts, decode_facts
from engine.inspection import UnsettledPayments, overdue_ms, server_time_ms, sizes_of, unsettled_payments
from engine.outbox import Entry
from engine.redis_keys import PartitionKeys


class OpenWork(NamedTuple):
    """Open work of a partition; nearly always none. `events` is the number of its events, which is no work.

    `outbox_ms`: the age of the oldest fact that Postgres does not have. `overdue_ms`: the time since the expiry of the
    oldest hold that was not given back. `payments`: the error instead, where a record is damaged.
    """

    events: int
    outbox_entries: int
    outbox_ms: int
    overdue_ms: int
    payments: UnsettledPayments | msgspec.DecodeError


async def open_work_of(redis: Redis, keys: PartitionKeys) -> OpenWork:
    """The open work now. Entries leave an outbox right after they are committed to Postgres. Raises Fault."""
    sizes = await sizes_of(redis, keys)
    return OpenWork(
        sizes.events,
        sizes.outbox,
        await _oldest_fact_ms(redis, keys) if sizes.outbox else 0,
        await overdue_ms(redis, keys) if sizes.deadlines else 0,
        await _payments(redis, keys) if sizes.unsettled else UnsettledPayments(0, 0, 0),
    )


async def _payments(redis: Redis, keys: PartitionKeys) -> UnsettledPayments | msgspec.DecodeError:
    try:
        return await unsettled_payments(redis, keys)
    except msgspec.DecodeError as error:
        return error


async def _oldest_fact_ms(redis: Redis, keys: PartitionKeys) -> int:
    """Age of the oldest fact in the outbox; 0 if there is none, or if it cannot be read (the reader logs that)."""
    entries = await redis.xrange(keys.outbox, min="-", max="+", count=1)
    if not entries:
        return 0
    entry = Entry.parse(*entries[0])
    try:
        facts = [*decode_facts(entry.payload), *(decode_booking_facts(entry.bookings) if entry.bookings else ())]
    except ValueError:
        return 0
    return max(0, await server_time_ms(redis, keys) - facts[0].at_ms) if facts else 0
