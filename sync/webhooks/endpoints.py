"""Endpoints as managers see them, and the outcomes of their deliveries."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import asyncpg
import msgspec

from sync.audit_log.entries import log_change
from sync.creations import ONCE, Creation
from sync.postgres import Postgres
from sync.sql import statement
from sync.webhooks.messages import TEST_EVENT, WebhookEvent, encode_message

MAX_WEBHOOKS = 20
"""The most endpoints: each is one more message for every fact."""

_REDELIVERED_AT_ONCE = 1000
_SECRET_BYTES = 32
_OLD_SECRET_SECONDS = 86_400
"""The time for which messages are also signed with the previous secret."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. Its secret is no part of it, so that it is not shown by mistake.

    `gone_at` is when the endpoint itself said that it is gone (410), which disabled it. `revision` moves with each
    change.
    """

    webhook_id: int
    url: str
    events: list[WebhookEvent]
    description: str
    enabled: bool
    gone_at: datetime | None
    created_at: datetime
    revision: int


class WithSecret(msgspec.Struct, frozen=True):
    """An endpoint and its secret, which is shown once."""

    webhook: Webhook
    secret: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"WithSecret({self.webhook!r}, ...)"


class WebhookChanges(msgspec.Struct, frozen=True):
    """Changes of an endpoint; None stays as it is."""

    url: str | None = None
    events: Sequence[WebhookEvent] | None = None
    description: str | None = None
    enabled: bool | None = None


class DeliveryStatus(StrEnum):
    """The state of a delivery. A dead one was given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message for an endpoint. `next_at` is None unless it is pending, `error` empty unless the last attempt failed.

    `message_id` is the header webhook-id. `subject` is the reservation, or the message's own if it is a test.
    """

    delivery_id: int
    message_id: str
    event: str
    subject: str
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    response_status: int | None
    error: str


class Redelivered(msgspec.Struct, frozen=True):
    """Dead deliveries that are sent once more, and those that are left."""

    redelivered: int
    still_dead: int


class Webhooks:
    """Endpoints and deliveries in Postgres. Every method raises PostgresAway; None means that it does not exist."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def create(
        self, url: str, events: Sequence[WebhookEvent], description: str, creation: Creation = ONCE
    ) -> WithSecret | None:
        """A new endpoint, once for a creation, told what happens from now on. None if there are MAX_WEBHOOKS."""
        async with self._postgres.transaction() as connection:
            known = await creation.made(connection)
            row = None if known is None else await connection.fetchrow(statement("read_webhook"), known)
            if row is None:
                await connection.execute(statement("lock_number_of_webhooks"))
                values = url, list(events), description, _new_secret(), MAX_WEBHOOKS
                row = await connection.fetchrow(statement("insert_webhook"), *values)
                if row is None:
                    return None
                await creation.note(connection, row["id"])
                await log_change(connection, f"webhook/{row['id']}", after=_to_log(row))
            return WithSecret(_webhook(row), row["secret"])

    async def page(self, *, after: int, limit: int) -> list[Webhook]:
        """Endpoints by id, from the one after `after`."""
        async with self._postgres.connection() as connection:
            return [_webhook(row) for row in await connection.fetch(statement("list_webhooks"), after, limit)]

    async def read(self, webhook_id: int) -> Webhook | None:
        """One endpoint."""
        row = await self._row("read_webhook", webhook_id)
        return None if row is None else _webhook(row)

    async def change(
        self, webhook_id: int, changes: WebhookChanges, revisions: Sequence[int] | None = None
    ) -> Webhook | None:
        """Changes an endpoint. What waits for it goes to the new address; enabling it forgets that it was gone.

        `revisions`: those of which it must have one, or else it stays as it is, and None is returned.
        """
        events = None if changes.events is None else list(changes.events)
        row = await self._row(
            "update_webhook", webhook_id, changes.url, events, changes.description, changes.enabled, revisions
        )
        return None if row is None else _webhook(row)

    async def delete(self, webhook_id: int, revisions: Sequence[int] | None = None) -> bool:
        """Forgets an endpoint and what waits for it. False if there is none, or if it has none of these revisions."""
        return await self._row("delete_webhook", webhook_id, revisions) is not None

    async def rotate(self, webhook_id: int) -> WithSecret | None:
        """A new secret. For a day messages are signed with the one before, too."""
        secret = _new_secret()
        row = await self._row("rotate_webhook_secret", webhook_id, secret, _OLD_SECRET_SECONDS)
        return None if row is None else WithSecret(_webhook(row), secret)

    async def test(self, webhook_id: int) -> Delivery | None:
        """Has a message of no consequence sent."""
        body = encode_message(TEST_EVENT, datetime.now(UTC), {"webhook_id": webhook_id})
        subject = f"test-{secrets.token_hex(8)}"
        row = await self._row("insert_webhook_test", webhook_id, subject, TEST_EVENT, body)
        return None if row is None else _delivery(row)

    async def deliveries(
        self, webhook_id: int, *, status: DeliveryStatus | None, before: int | None, limit: int
    ) -> list[Delivery]:
        """Deliveries of an endpoint, newest first, from the one before `before`."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("list_webhook_deliveries"), webhook_id, status, before, limit)
        return [_delivery(row) for row in rows]

    async def redeliver(self, webhook_id: int, delivery_id: int) -> Delivery | None:
        """Has a delivery that ended sent once more, as if it were new. One that is pending is left as it is."""
        row = await self._row("redeliver_webhook", webhook_id, delivery_id)
        return None if row is None else _delivery(row)

    async def redeliver_dead(self, webhook_id: int) -> Redelivered | None:
        """Has the oldest dead deliveries of an endpoint sent once more, a slice of them."""
        async with self._postgres.transaction() as connection:
            row = await connection.fetchrow(statement("redeliver_dead_webhooks"), webhook_id, _REDELIVERED_AT_ONCE)
            if row is None:
                return None
            if row["redelivered"]:
                after = {"redelivered": row["redelivered"]}
                await log_change(connection, f"webhook/{webhook_id}/deliveries", after=after)
            return Redelivered(row["redelivered"], row["still_dead"])

    async def _row(self, name: str, *arguments: object) -> asyncpg.Record | None:
        """The row that a statement changes or reads, logged if the current request changes something."""
        async with self._postgres.transaction() as connection:
            row = await connection.fetchrow(statement(name), *arguments)
            if row is not None:
                endpoint = arguments[0] if isinstance(arguments[0], int) else row["id"]
                await log_change(connection, f"webhook/{endpoint}", after=_to_log(row))
            return row


def _to_log(row: asyncpg.Record) -> dict[str, object]:
    """An endpoint without its secrets; of a delivery its id."""
    return {name: row[name] for name in ("id", "url", "events", "description", "enabled", "message_id") if name in row}


def _new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(
        webhook_id=row["id"],
        url=row["url"],
        events=[WebhookEvent(event) for event in row["events"]],
        description=row["description"],
        enabled=row["enabled"],
        gone_at=row["gone_at"],
        created_at=row["created_at"],
        revision=row["revision"],
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    status = DeliveryStatus(row["status"])
    return Delivery(
        delivery_id=row["id"],
        message_id=row["message_id"],
        event=row["event"],
        subject=row["subject"],
        status=status,
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_at=row["next_at"] if status is DeliveryStatus.PENDING else None,
        ended_at=row["ended_at"],
        response_status=row["response_status"],
        error=row["error"],
    )
