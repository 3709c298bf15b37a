import asyncio
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from cli.dev.child_process import ChildError
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey

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


async def test_postgres_keeps_its_data_and_its_port(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data", tmp_path / "log", durable=False) as postgres:
        for table, end in {"stopped": postgres.stop, "killed": postgres.kill}.items():
            await _execute(postgres.url(), f"CREATE TABLE {table} (x int)")
            end()
            postgres.start()
            await _execute(postgres.url(), f"TABLE {table}")


def test_a_database_is_made_once(postgres: EmbeddedPostgres) -> None:
    assert postgres.ensure_database("made_once") == postgres.ensure_database("made_once")


def test_an_interrupted_start_is_repeated(tmp_path: Path) -> None:
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


def test_a_password_keeps_other_users_of_the_machine_out_of_valkey(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data", tmp_path / "log", password="known-to-us") as valkey:
        with Redis.from_url(valkey.url, socket_timeout=_TIMEOUT_SECONDS) as redis:
            assert redis.ping()
        with (
            Redis(port=valkey.port, socket_timeout=_TIMEOUT_SECONDS) as stranger,
            pytest.raises(RedisError, match="authenticate"),
        ):
            stranger.ping()
        assert "known-to-us" not in " ".join(psutil.Process(valkey.child.pid).cmdline())
        assert (tmp_path / "data" / "password.conf").stat().st_mode & 0o077 == 0


async def test_a_password_keeps_other_users_of_the_machine_out_of_postgres(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data", tmp_path / "log", durable=False) as postgres:
        await _execute(postgres.url(), "CREATE TABLE kept (x int)")  # as it was made before there were passwords
    for password in ("first", "second"):
        server = EmbeddedPostgres(tmp_path / "data", tmp_path / "log", durable=False, password=password)
        await asyncio.to_thread(server.start)
        try:
            await _execute(server.url(), "SELECT x FROM kept")
            for other in ("postgres", "postgres:wrong"):
                with pytest.raises(asyncpg.InvalidPasswordError):
                    await _execute(f"postgresql://{other}@127.0.0.1:{server.port}/postgres", "SELECT 1")
            assert password not in " ".join(psutil.Process(server.child.pid).cmdline())
            assert password not in (tmp_path / "log").read_text()
        finally:
            server.stop()
