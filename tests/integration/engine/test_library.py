"""The library gets onto the server, newer over older and never back; a server that does not fit is refused."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.dev.embedded import EmbeddedValkey
from engine.client import Redis
from engine.commands.events import Count
from engine.engine import Engine
from engine.errors import Misconfigured
from engine.library import NAME, install_library, installed_text, library_text, version_of
from engine.redis_keys import plain_keys, spread_keys
from engine.results.events import UnknownPool
from engine.server import check_server, connect
from engine.settings import Settings
from tests.support.engine.bulk_holds import event_of, fill

_COMPILES = "return loadstring(ARGV[1]) and 1 or 0"


@pytest.fixture
async def redis(engine_settings: Settings) -> AsyncIterator[Redis]:
    """Of a server without a library; what a test puts there is gone afterwards, too."""
    redis = connect(engine_settings, 1)
    await redis.execute_command("FUNCTION", "FLUSH")
    yield redis
    await redis.execute_command("FUNCTION", "FLUSH")
    await redis.aclose()


def of_version(number: int) -> str:
    return re.sub(r"(?m)^-- version: \d+$", f"-- version: {number}", library_text())


async def test_names_are_left_for_more_commands(redis: Redis, record_property: Callable[[str, object], None]) -> None:
    """Lua allows a chunk 200 local names, and the files of the library are one: what is left is found by trying."""
    text = library_text().partition("\n")[2]

    async def compiles(more: int) -> bool:
        declarations = "".join(f"local more_{number}\n" for number in range(more))
        return bool(await redis.execute_command("EVAL", _COMPILES, 0, text + declarations))

    assert await compiles(0)
    left = 0
    while left <= 200 and await compiles(left + 1):
        left += 1
    record_property("lua_names_left", left)
    assert 50 <= left <= 200, f"{left} of 200 local names are left: put more of lua/ into blocks and tables"


async def loads(redis: Redis) -> int:
    """The number of loads of a library since CONFIG RESETSTAT."""
    stats = await redis.info("commandstats")
    calls: int = stats.get("cmdstat_function|load", {"calls": 0})["calls"]
    return calls


async def test_older_library_is_replaced(redis: Redis) -> None:
    await redis.execute_command("FUNCTION", "LOAD", of_version(0).replace("-- version: 0", "-- no version"))
    assert await install_library(redis)
    assert await installed_text(redis) == library_text()


async def test_same_version_of_another_text_is_replaced(redis: Redis) -> None:
    await redis.execute_command("FUNCTION", "LOAD", library_text() + "\n-- under development")
    assert await install_library(redis)
    assert await installed_text(redis) == library_text()


async def test_same_library_is_left_alone(redis: Redis) -> None:
    assert await install_library(redis)
    assert not await install_library(redis)


async def test_newer_library_is_never_downgraded(redis: Redis, engine_settings: Settings) -> None:
    newer = of_version(version_of(library_text()) + 1)
    await redis.execute_command("FUNCTION", "LOAD", newer)
    with pytest.raises(Misconfigured, match="start the newer release"):
        async with Engine(engine_settings):
            pass
    assert await installed_text(redis) == newer
    await redis.execute_command("FUNCTION", "DELETE", NAME)  # docs/runbook.md: to roll back
    async with Engine(engine_settings) as engine:
        assert await engine.submit(Count(1)) == UnknownPool(0)
    assert await installed_text(redis) == library_text()


async def test_missing_library_is_repaired_once_for_all(redis: Redis, engine: Engine) -> None:
    await redis.execute_command("FUNCTION", "FLUSH")
    await redis.execute_command("CONFIG", "RESETSTAT")
    answers = await asyncio.gather(*(engine.submit(Count(event_id)) for event_id in range(1, 201)))
    assert answers == [UnknownPool(0)] * 200
    assert await loads(redis) == 1
    await redis.execute_command("FUNCTION", "FLUSH")
    assert await engine.submit(Count(1)) == UnknownPool(0)
    assert await loads(redis) == 2


async def test_another_number_of_partitions_is_refused(engine: Engine, engine_settings: Settings) -> None:
    with pytest.raises(Misconfigured, match=f"the server has {len(engine.keys)} partitions"):
        async with Engine(replace(engine_settings, partitions=len(engine.keys) + 1)):
            pass


async def test_a_single_server_with_data_of_a_cluster_is_refused(redis: Redis, engine_settings: Settings) -> None:
    """It would make each partition once more, and sell everything again."""
    names = spread_keys(engine_settings.partitions)[5].meta, plain_keys(engine_settings.partitions)[5].meta
    for name in names:
        await redis.execute_command("HSET", name, "schema", "1")
    await redis.delete(names[1])
    try:
        with pytest.raises(Misconfigured, match="has data of a cluster"):
            async with Engine(engine_settings):
                pass
    finally:
        await redis.delete(names[0])


async def test_partition_is_made_once(redis: Redis, engine_settings: Settings) -> None:
    async with Engine(engine_settings) as engine:
        before = await redis.hgetall(engine.keys[3].meta)
    async with Engine(engine_settings):
        assert await redis.hgetall(engine.keys[3].meta) == before


async def test_evicting_server_is_refused(redis: Redis, engine_settings: Settings) -> None:
    await redis.execute_command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Misconfigured, match="noeviction"):
            async with Engine(engine_settings):
                pass
    finally:
        await redis.execute_command("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_server_that_dies_while_an_engine_starts_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log") as server:

        async def dying(node: Redis, replica_acks: int) -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                server.kill()
            elif tries == 2:
                await asyncio.to_thread(server.start)
            await check_server(node, replica_acks)

        monkeypatch.setattr("engine.preparation.check_server", dying)
        async with Engine(Settings(redis_url=server.url)) as engine:
            assert await engine.submit(Count(1)) == UnknownPool(0)
    assert tries == 2


async def test_a_missing_server_is_reported_in_time() -> None:
    nowhere = Settings(redis_url="redis://127.0.0.1:1/0", start_patience_ms=100)
    with pytest.raises(Misconfigured, match="ONSALE_REDIS_URL"):
        async with Engine(nowhere):
            pass


_SET_STEP = """#!lua name=collector
redis.register_function('set_step', function(_, args) return collectgarbage('setstepmul', tonumber(args[1])) end)
"""
_SMALL_STEP, _LUAS_OWN_STEP = 50, 200
_HOLDS, _MOST_BYTES = 10_000, 8 * 2**20


@pytest.mark.single_server("one server tells how it collects, and what it uses")
async def test_the_collector_takes_small_steps_and_keeps_up(engine: Engine) -> None:
    """Calls of much the same length: large steps make every fiftieth one several times as long."""
    await engine.redis.execute_command("FUNCTION", "LOAD", "REPLACE", _SET_STEP)
    await engine.submit(event_of(1, _HOLDS))
    was = await engine.redis.execute_command("FCALL", "set_step", 0, _SMALL_STEP)
    async for _ in fill(engine, 1, _HOLDS):
        pass
    used = (await engine.redis.info("memory"))["used_memory_vm_functions"]
    await engine.redis.execute_command("FUNCTION", "DELETE", "collector")
    await engine.redis.execute_command("FLUSHDB")  # the check after each test looks at each key
    assert was == _SMALL_STEP, f"Lua's own is {_LUAS_OWN_STEP}"
    assert used < _MOST_BYTES
