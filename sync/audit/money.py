"""Money: charges less refunds are what is sold, of each reservation, in Postgres and at the gateway.

Redis has the same records as Postgres; the rest of the audit checks that.
"""

import asyncio

import aiohttp
import asyncpg
import msgspec

from engine.settings import Settings
from payments.gateway import Completed, HttpGateway
from sync.postgres import Connection, Postgres
from sync.sql import statement

_AT_ONCE = 32
"""Charges that the gateway is asked about at the same time."""

_PER_PAGE = 1000
_REFUNDS = msgspec.json.Decoder(dict[str, tuple[int, bool]])


async def wrong_sums(connection: Connection, partitions: int, partition: int) -> list[str]:
    """Reservations of a partition whose money does not add up, one sentence each."""
    rows = await connection.fetch(statement("audit_money"), partitions, partition)
    return [_told(row) for row in rows]


def _told(row: asyncpg.Record) -> str:
    if row["is_overdrawn"]:
        return f"money: more goes back of a payment of {row['id']} than was paid"
    if row["is_kept_late"]:
        return f"money: a payment of {row['id']} came late, and not all of it goes back"
    if row["is_kept_cancelled"]:
        return f"money: everybody of a cancelled event is refunded, and money of {row['id']} is not to go back"
    return (
        f"money: {row['id']} is {row['status']}; {row['charged_minor']} was charged, it has places for "
        f"{row['sold_minor']}, and places for {row['worth_minor']} went back"
    )


async def compare_gateway(settings: Settings, postgres: Postgres) -> list[str]:
    """Asks the gateway about each charge that Postgres says was made; the differences, one sentence each.

    What was refunded elsewhere, and what is about to go back, may be there or not. Raises PostgresAway.
    """
    found: list[str] = []
    after = ""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        free = asyncio.Semaphore(_AT_ONCE)
        while rows := await _page(postgres, after):
            async with asyncio.TaskGroup() as asked:
                answers = [asked.create_task(_difference(gateway, free, row)) for row in rows]
            found += [answer.result() for answer in answers if answer.result()]
            after = rows[-1]["id"]
    return found


async def _page(postgres: Postgres, after: str) -> list[asyncpg.Record]:
    async with postgres.connection() as connection:
        return list(await connection.fetch(statement("audit_charges"), after, _PER_PAGE))


async def _difference(gateway: HttpGateway, free: asyncio.Semaphore, row: asyncpg.Record) -> str:
    """The difference of a charge; empty if there is none."""
    async with free:
        status = await gateway.status(row["id"])
    if not isinstance(status, Completed):
        return f"gateway: charge {row['id']} is {type(status).__name__} there; {row['amount_minor']} is paid here"
    if not status.is_of(row["amount_minor"], row["currency"]):
        there_is, here_is = f"{status.amount_minor} {status.currency}", f"{row['amount_minor']} {row['currency']}"
        return f"gateway: charge {row['id']} is {there_is} there, {here_is} here"
    known = _REFUNDS.decode(row["refunds"])
    there = {refund.id: refund.amount for refund in status.refunds}
    settled = sum(amount for amount, is_settled in known.values() if is_settled)
    for refund_id, (amount, is_settled) in known.items():
        if there.get(refund_id, amount) != amount:
            return f"gateway: refund {refund_id} of {row['id']} is {there[refund_id]} there, {amount} here"
        if is_settled and refund_id not in there and sum(there.values()) < settled:
            return f"gateway: charge {row['id']} has no refund {refund_id}, which is made here"
    return ""
