from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from cli.children import ChildError
from cli.embedded import EmbeddedPostgres, EmbeddedValkey

_TIMEOUT_SECONDS = 10


def test_valkey_keeps_what_it_acknowledged_through_a_crash(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data", tmp_path / "log") as valkey:
        with Redis.from_url(valkey.url, socket_timeout=_TIMEOUT_SECONDS) as redis:
            redis.set("acknowledged", "yes")
        valkey.kill()
        valkey.start()
        with Redis.from_url(valkey.url, socket_timeout=_TIMEOUT_SECONDS) as redis:
            assert redis.get("acknowledged") == b"yes"


def test_valkey_is_fit_to_sell_from(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url, socket_timeout=_TIMEOUT_SECONDS, decode_responses=True) as redis:
        expected = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "hz": "100",
            "bind": "127.0.0.1",
        }
        assert {name: redis.config_get(name)[name] for name in expected} == expected


@pytest.mark.parametrize("crash", [False, True])
async def test_postgres_keeps_its_data_and_its_port(tmp_path: Path, crash: bool) -> None:
    with EmbeddedPostgres(tmp_path / "data", tmp_path / "log", durable=False) as postgres:
        await _execute(postgres.url(), "CREATE TABLE kept (x int)")
        (postgres.kill if crash else postgres.stop)()
        postgres.start()
        await _execute(postgres.url(), "SELECT x FROM kept")


def test_a_database_is_made_once(postgres: EmbeddedPostgres) -> None:
    assert postgres.ensure_database("made_once") == postgres.ensure_database("made_once")


def test_what_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(tmp_path / "data", tmp_path / "log", durable=False):
        assert not (tmp_path / "data.new").exists()


def test_a_server_that_cannot_start_says_where_to_read_on(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    second = EmbeddedValkey(tmp_path / "data", tmp_path / "log", port=valkey.port)
    with pytest.raises(ChildError, match=r"valkey exited with status 1; its log is .*(\n.*)*already in use"):
        second.start()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        await connection.execute(statement, timeout=_TIMEOUT_SECONDS)
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)
