"""Payments that are not at their end: pending, disputed, or with money that is to go back."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from sync.postgres import Postgres
from sync.sql import statement


class PaymentStanding(StrEnum):
    """The reason why a payment is open."""

    PENDING = "pending"
    DISPUTED = "disputed"
    REFUND_DUE = "refund_due"


class PaymentPlace(NamedTuple):
    """The place of a payment in the list: newer ones come first."""

    started_ms: int
    reservation_id: str
    payment_id: str


class StoredOpenPayment(NamedTuple):
    """The part of an open payment that belongs to one reservation.

    `received_minor`: what the gateway has, if that was ever not what is owed. `due_minor` is to go back.
    """

    payment_id: str
    reservation_id: str
    event_id: int
    customer_id: str
    standing: str
    amount_minor: int
    currency: str
    started_ms: int
    received_minor: int | None
    received_currency: str | None
    due_minor: int

    @property
    def place(self) -> PaymentPlace:
        """Its place in the list."""
        return PaymentPlace(self.started_ms, self.reservation_id, self.payment_id)


async def list_open_payments(
    postgres: Postgres,
    *,
    standing: PaymentStanding | None,
    event_id: int | None,
    of_events: Collection[int] | None,
    before: PaymentPlace | None,
    limit: int,
) -> list[StoredOpenPayment]:
    """Open payments, newest first, from the one before `before`; `of_events`: of these alone. Raises PostgresAway."""
    place, events = before or (None, None, None), None if of_events is None else sorted(of_events)
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_open_payments"), standing, event_id, events, *place, limit)
    return [StoredOpenPayment(*row) for row in rows]
