"""Errors that count as an outage of Postgres, and errors that do not."""

import asyncio

import asyncpg
import pytest

from sync.postgres import PostgresAway, RolledBack, postgres_faults


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.AdminShutdownError("shutting down"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.UndefinedTableError("not migrated"),
        asyncpg.UndefinedObjectError("not migrated"),
        asyncpg.InterfaceError("connection is closed"),
    ],
)
async def test_trouble(error: Exception) -> None:
    with pytest.raises(PostgresAway):
        async with postgres_faults(1):
            raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.SerializationError("could not serialize access"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
    ],
)
async def test_a_transaction_that_was_undone_can_be_repeated(error: Exception) -> None:
    with pytest.raises(RolledBack):
        async with postgres_faults(1):
            raise error


@pytest.mark.parametrize("error", [asyncpg.UniqueViolationError(), asyncpg.DataError(), ValueError(), KeyError()])
async def test_errors_of_the_caller_pass_through(error: Exception) -> None:
    with pytest.raises(type(error)):
        async with postgres_faults(1):
            raise error


async def test_nothing_takes_longer_than_its_time() -> None:
    with pytest.raises(PostgresAway):
        async with postgres_faults(0.01):
            await asyncio.Event().wait()


async def test_cancellation_ends_even_if_the_rollback_fails() -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with postgres_faults(5):
            try:
                began.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionResetError from None

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
