"""Progress of the refunds of a cancelled event, from the rows."""

import msgspec

from sync.postgres import Postgres
from sync.sql import statement


class RefundProgress(msgspec.Struct, frozen=True):
    """Reservations of an event that were ever paid, and all money that goes or went back, in minor units.

    `refunded` of them have their money back; of `refund_due` it is on its way; of the others it is still to be owed.
    """

    reservations: int
    refunded: int
    refund_due: int
    amount_minor: int
    currency: str


async def read_refund_progress(postgres: Postgres, event_id: int) -> RefundProgress:
    """The progress. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_event_refunds"), event_id)
    return msgspec.convert(dict(row or {}), RefundProgress)
