"""Facts that could not be written, as managers see them."""

import asyncpg

from engine.settings import Settings
from tests.support.api.api_client import Front


async def test_dead_letters_are_listed_with_their_reason(front: Front, settings: Settings) -> None:
    connection = await asyncpg.connect(settings.postgres_url, timeout=30)
    try:
        for sequence in (1, 2, 3):
            await connection.execute(
                "INSERT INTO dead_letters (partition, epoch, sequence, fact, error) VALUES (2, 7, $1, 'abcd', 'why')",
                sequence,
            )
    finally:
        await connection.close(timeout=30)
    found = await front.pages("/v1/dead-letters", limit="2")
    assert [each["sequence"] for each in found] == [3, 2, 1]
    assert {name: found[0][name] for name in ("partition", "epoch", "error", "bytes")} == {
        "partition": 2,
        "epoch": 7,
        "error": "why",
        "bytes": 4,
    }
    assert await front.refused("GET", "/v1/dead-letters?cursor=x") == "invalid"
