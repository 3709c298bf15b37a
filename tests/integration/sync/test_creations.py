"""Requests with keys beside each other."""

from sync.creations import Creation
from sync.postgres import Postgres


async def test_old_creations_that_another_request_deletes_are_not_waited_for(pool: Postgres) -> None:
    """That request may take long, as one for many codes does. And each could wait for what the other deletes."""
    async with pool.connection() as connection:
        await connection.execute("INSERT INTO creations VALUES ('old', 1, now() - interval '1 hour')")
        async with pool.transaction() as one, pool.transaction() as other:
            await Creation("a", 60).note(one, 2)
            await Creation("b", 60).note(other, 3)
        assert await connection.fetchval("SELECT array_agg(request ORDER BY request) FROM creations") == ["a", "b"]
