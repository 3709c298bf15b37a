"""Connections to Postgres, which may be away at any time: nothing here waits for it longer than its timeout."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from engine.outage import Outage
from engine.settings import Settings

log = structlog.get_logger(__name__)

Connection = asyncpg.Connection | PoolConnectionProxy
"""A connection, from a pool or of its own."""


class PostgresAway(Exception):
    """Postgres does not answer, cannot be reached, or is not ready for us. The API answers 503."""


class RolledBack(PostgresAway):
    """Postgres answers, and has undone the transaction for the sake of another one. It can be repeated."""


END_OF_TIME_MS = 1 << 47
"""An instant in the year 6429, which Postgres can still tell: later than any slot and any sale."""

_TROUBLE = (
    OSError,  # refused, reset, no route; also TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting, cancelled by its timeout
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a standby
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # not migrated
    asyncpg.UndefinedObjectError,  # the same, a type of rows
    asyncpg.InterfaceError,  # the connection was lost while it was in use
    asyncpg.InternalClientError,  # the same, in the middle of an exchange
)

_ROLLED_BACK = (
    asyncpg.TransactionRollbackError,  # a deadlock, or a state that another transaction has changed
    asyncpg.LockNotAvailableError,  # it waited for another one for too long: see _limits
    asyncpg.InvalidCachedStatementError,  # a migration changed a table under statements that were prepared before
)


@asynccontextmanager
async def postgres_faults(timeout_seconds: float) -> AsyncIterator[None]:
    """Bound the time of a block; raises PostgresAway for every fault of Postgres, RolledBack where a repeat is enough.

    Errors of statements (data, integrity) pass through: they are the caller's.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except _ROLLED_BACK as error:
        raise RolledBack(f"{type(error).__name__}: {error}") from error
    except _TROUBLE as error:
        if not _is_trouble(error):
            raise
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # What was cancelled met the trouble while it tidied up. It must end all the same.
            raise asyncio.CancelledError from error
        raise PostgresAway(f"{type(error).__name__}: {error}") from error


def _is_trouble(error: BaseException) -> bool:
    """True if the connection is broken. A value that asyncpg cannot encode is another kind of error."""
    return isinstance(error, (asyncio.CancelledError, *_TROUBLE)) and not isinstance(error, ValueError)


def _limits(settings: Settings) -> dict[str, str]:
    """Limits of a session that Postgres itself keeps.

    A server that waits for a lock, or works, does not see that its client has gone. Each would stay, and hold the locks
    that it has: soon there are too many. A wait for a lock ends first, so that it is not taken for an outage.
    """
    lock_ms = max(1, settings.postgres_timeout_ms * 4 // 5)  # 0 is no limit
    return {"lock_timeout": str(lock_ms), "statement_timeout": str(settings.postgres_timeout_ms)}


@asynccontextmanager
async def own_connection(settings: Settings, name: str) -> AsyncIterator[Connection]:
    """A connection for locks of its session, which must not go back to a pool. Raises PostgresAway.

    Postgres drops it, and its locks, soon after this host is gone. `name` is what Postgres shows it as.
    """
    async with postgres_faults(settings.postgres_timeout_ms / 1000):
        connection: Connection = await asyncpg.connect(
            settings.postgres_url,
            timeout=settings.connect_timeout_ms / 1000,
            command_timeout=settings.postgres_timeout_ms / 1000,
            server_settings=_limits(settings)
            | {
                "application_name": name,
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
            },
        )
    try:
        yield connection
    finally:
        connection.terminate()


class Postgres:
    """A bounded pool of connections, made when they are needed. An async context manager.

    Entering does not need Postgres to be there; a connection that was lost is replaced at the next use.
    """

    def __init__(self, settings: Settings) -> None:
        self.timeout_seconds = settings.postgres_timeout_ms / 1000
        self.outage = Outage("postgres")
        self._pool = asyncpg.create_pool(
            settings.postgres_url,
            min_size=0,
            max_size=settings.postgres_pool,
            timeout=settings.connect_timeout_ms / 1000,
            command_timeout=self.timeout_seconds,
            server_settings=_limits(settings),
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self, more_seconds: float = 0) -> AsyncIterator[Connection]:
        """A connection for at most `postgres_timeout_ms`, waiting for a free one included. Raises PostgresAway.

        Many statements may have `more_seconds`; none of them has.
        """
        seconds = self.timeout_seconds
        try:
            async with postgres_faults(seconds + more_seconds), self._pool.acquire(timeout=seconds) as connection:
                try:
                    yield connection
                except BaseException as error:
                    if _is_trouble(error):
                        # A server that does not answer would not answer a wish to tidy up either.
                        connection.terminate()
                    raise
        except RolledBack as error:
            log.warning("transaction_rolled_back", error=str(error))
            raise
        except PostgresAway as away:
            self.outage.failed(away)
            raise
        self.outage.succeeded()

    @asynccontextmanager
    async def transaction(self, more_seconds: float = 0) -> AsyncIterator[Connection]:
        """A connection in a transaction (read committed), which is rolled back if the block raises."""
        async with self.connection(more_seconds) as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException as error:
                if not _is_trouble(error):
                    await transaction.rollback()
                raise
            await transaction.commit()
