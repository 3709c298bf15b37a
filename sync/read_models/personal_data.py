"""Everything that Postgres has of a customer, as a manager shows it to that customer."""

from typing import NamedTuple

import msgspec

from engine.records import Booking
from sync.postgres import Postgres
from sync.read_models.audit_log import AuditEntry, audit_entry
from sync.sql import statement

_BOOKING = msgspec.json.Decoder(Booking)


class MessageAbout(NamedTuple):
    """A webhook message about one of the customer's reservations or bookings."""

    created_ms: int
    webhook_id: int
    event: str
    status: str
    body: str


class DeadLetterAbout(NamedTuple):
    """A fact that names the customer and could not be written."""

    at_ms: int
    partition: int
    epoch: int
    sequence: int
    fact: bytes
    error: str


class EticketAbout(NamedTuple):
    """An e-ticket of one of the customer's reservations. `holder` is JSON text."""

    event_id: int
    number: int
    reservation_id: str
    holder: str
    status: str


class ScanAbout(NamedTuple):
    """A scan of an e-ticket of one of the customer's reservations."""

    event_id: int
    number: int
    gate: str
    direction: str
    result: str
    scanned_ms: int


async def scans_of_customer(postgres: Postgres, customer_id: str, most: int) -> list[ScanAbout]:
    """The scans of e-tickets of the customer's reservations, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("scans_of_customer"), customer_id, most)
    return [ScanAbout(*row) for row in rows]


async def etickets_of_customer(postgres: Postgres, customer_id: str, most: int) -> list[EticketAbout]:
    """The e-tickets of the customer's reservations, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("etickets_of_customer"), customer_id, most)
    return [EticketAbout(*row) for row in rows]


async def bookings_of_customer(postgres: Postgres, customer_id: str, most: int) -> list[Booking]:
    """The bookings that the customer made, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("bookings_of_customer"), customer_id, most)
    return [_BOOKING.decode(record) for (record,) in rows]


async def messages_about(postgres: Postgres, subjects: list[str], most: int) -> list[MessageAbout]:
    """Webhook messages about these reservations and bookings, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("messages_about"), subjects, most)
    return [MessageAbout(*row) for row in rows]


async def audit_entries_about(postgres: Postgres, resources: list[str], most: int) -> list[AuditEntry]:
    """Entries of the audit log about these resources, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("audit_entries_about"), resources, most)
    return [audit_entry(row) for row in rows]


async def dead_letters_about(postgres: Postgres, customer_id: str, most: int) -> list[DeadLetterAbout]:
    """Facts about the customer that could not be written, oldest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        packed = msgspec.msgpack.encode(customer_id)
        rows = await connection.fetch(statement("dead_letters_of_customer"), packed, most)
    return [DeadLetterAbout(*row) for row in rows]
