"""The commands as a person runs them, on real servers."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from redis import Redis

from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.ports import free_port
from engine.engine import Engine
from engine.library import library_text, version_of
from engine.settings import Settings
from tests.support.postgres_users import API
from tests.support.system.forked_child import ForkedChild

_TIMEOUT_SECONDS = 60
_SERVE = ("serve", "--auth", "off", "--port")


_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read when the metrics are imported, so a command must look at it before that."""


def _started(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The end of a command that is started, as a user does."""
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS)


def _onsale(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The end of a command, forked from a process that has imported everything, which takes the longest."""
    environ = os.environ | {f"ONSALE_{name.upper()}": value for name, value in variables.items()}
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        child = ForkedChild(arguments[0], arguments, out, environ=environ, error_file=err)
        child.start()
        status = child.wait(_TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(
            arguments, status, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        )


def _sentence(ran: "subprocess.CompletedProcess[str]") -> str:
    """The message to a person: no traceback."""
    assert "Traceback" not in ran.stderr
    return ran.stderr.splitlines()[-1]


async def test_migrate_makes_the_tables_and_again_does_nothing(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.url(), timeout=10)
    try:
        await connection.execute("CREATE DATABASE by_hand")
    finally:
        await connection.close()
    url = postgres.url("by_hand")
    for _ in range(2):
        ran = _onsale("migrate", postgres_url=url)
        assert (ran.returncode, ran.stdout) == (0, "Postgres has the newest schema.\n"), ran.stderr
    connection = await asyncpg.connect(url, timeout=10)
    try:
        assert await connection.fetchval("SELECT count(*) FROM events") == 0
    finally:
        await connection.close()


def test_commands_say_that_they_are_for_another_user(postgres: EmbeddedPostgres, settings: Settings) -> None:
    database = settings.postgres_url.rpartition("/")[2]
    migrate = _onsale("migrate", postgres_url=postgres.url(database, API))
    assert (migrate.returncode, "onsale_api may not create tables" in _sentence(migrate)) == (1, True)
    audit = _onsale("audit", redis_url=settings.redis_url, postgres_url=postgres.url(database, API))
    assert (audit.returncode, "docs/access.md" in _sentence(audit)) == (1, True)


def test_migrate_says_what_is_wrong_with_postgres(postgres: EmbeddedPostgres) -> None:
    away = _onsale("migrate", postgres_url=f"postgresql://127.0.0.1:{free_port()}/onsale")
    assert away.returncode == 1
    assert "Postgres does not answer" in _sentence(away)
    assert "ONSALE_POSTGRES_URL" in _sentence(away)
    missing = _onsale("migrate", postgres_url=postgres.url("nobody_made_it"))
    assert missing.returncode == 1
    assert '"nobody_made_it" does not exist; create it' in _sentence(missing)


async def test_migrate_says_that_postgres_is_read_only(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.url(), timeout=10)
    try:
        await connection.execute("CREATE DATABASE standby")
        await connection.execute("ALTER DATABASE standby SET default_transaction_read_only = on")
    finally:
        await connection.close()
    ran = _onsale("migrate", postgres_url=postgres.url("standby"))
    assert (ran.returncode, "read-only" in _sentence(ran)) == (1, True)


async def test_commands_say_that_the_database_was_not_migrated(postgres: EmbeddedPostgres, settings: Settings) -> None:
    connection = await asyncpg.connect(postgres.url(), timeout=10)
    try:
        await connection.execute("CREATE DATABASE unmigrated")
    finally:
        await connection.close()
    urls = {"redis_url": settings.redis_url, "postgres_url": postgres.url("unmigrated")}
    for command in (("audit",), ("restore",), ("report", "sales"), ("report", "hours", "--format", "json")):
        ran = _onsale(*command, **urls)
        assert (ran.returncode, "run `onsale migrate`" in _sentence(ran)) == (1, True), (command, ran.stderr)


def test_sync_says_that_the_port_of_its_metrics_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        urls = {"redis_url": settings.redis_url, "postgres_url": settings.postgres_url}
        ran = _onsale("sync", sync_metrics_port=str(port), **urls)
    assert (ran.returncode, f"port {port}: Address already in use" in _sentence(ran)) == (1, True), ran.stderr
    assert "ONSALE_SYNC_METRICS_PORT" in _sentence(ran)


@pytest.mark.parametrize("command", [(*_SERVE, "0"), ("sync",)])
@pytest.mark.parametrize("directory", ["", "/no/such/directory", "/dev/null"])
def test_metrics_need_their_directory(
    command: tuple[str, ...], directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_METRICS_VARIABLE, directory)
    arguments = (str(free_port()) if part == "0" else part for part in command)
    # The import of metrics would trip over a directory that is missing, so that command is started.
    ran = (_started if directory == "/no/such/directory" else _onsale)(*arguments)
    assert (ran.returncode, "PROMETHEUS_MULTIPROC_DIR names no directory" in _sentence(ran)) == (2, True), ran.stderr


def test_the_library_is_checked_and_installed(valkey: EmbeddedValkey) -> None:
    version = version_of(library_text())
    with Redis.from_url(valkey.url, socket_timeout=10) as redis:
        redis.function_flush()
        missing = _onsale("library", "check", redis_url=valkey.url)
        assert (missing.returncode, "no library" in missing.stdout) == (1, True)
        installed = [_onsale("library", "install", redis_url=valkey.url).stdout for _ in range(2)]
        assert installed == [f"Version {version} is installed.\n", f"Version {version} is already installed.\n"]
        assert _onsale("library", "check", redis_url=valkey.url).returncode == 0

        redis.function_load(
            library_text().replace(f"-- version: {version}", f"-- version: {version + 1}"), replace=True
        )
        newer = _onsale("library", "check", redis_url=valkey.url)
        assert (newer.returncode, "start the newer release" in newer.stdout) == (1, True)
        refused = _onsale("library", "install", redis_url=valkey.url)
        assert refused.returncode == 1
        assert "start the newer release" in _sentence(refused)
        redis.function_flush()


def test_without_authentication_the_api_is_served_on_loopback_only() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):  # noqa: S104  # refused
        ran = _onsale("serve", "--auth", "off", "--host", host)
        assert ran.returncode == 1
        assert "without authentication" in _sentence(ran)


@pytest.mark.parametrize(
    ("variables", "status", "remedy"),
    [
        ({}, 1, "set either ONSALE_JWT_SECRET"),
        ({"jwt_secret": "s" * 32, "jwt_jwks": "keys.json"}, 1, "set either ONSALE_JWT_SECRET"),
        ({"jwt_secret": "s" * 31}, 1, "openssl rand -hex 32"),
        ({"jwt_jwks": "/no/such/file"}, 1, "No such file"),
        ({"jwt_jwks": "http://192.0.2.1/keys"}, 1, "https://"),
        ({"jwt_secret": "s" * 32, "jwt_audience": ""}, 2, "ONSALE_JWT_AUDIENCE"),
        ({"jwt_secret": "s" * 32, "cors_origins": "shop.example"}, 2, "https://shop.example"),
    ],
)
def test_serve_starts_only_if_it_can_authenticate(variables: dict[str, str], status: int, remedy: str) -> None:
    ran = _onsale("serve", "--port", str(free_port()), **variables)
    assert ran.returncode == status
    assert remedy in _sentence(ran)


def test_serve_says_that_a_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = _onsale("serve", "--auth", "off", "--port", str(port))
    assert ran.returncode == 1
    assert (
        _sentence(ran) == f"onsale: port {port} is in use: stop the program that uses it, or choose another with --port"
    )


def test_serve_says_that_redis_is_away_before_it_starts_workers() -> None:
    ran = _onsale(*_SERVE, str(free_port()), redis_url=f"redis://127.0.0.1:{free_port()}/0", start_patience_ms="200")
    assert ran.returncode == 1
    assert "Redis does not answer" in _sentence(ran)


def test_an_evicting_server_is_refused(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url, socket_timeout=10) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            ran = _onsale(*_SERVE, str(free_port()), redis_url=valkey.url)
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
    assert ran.returncode == 1
    assert "noeviction" in _sentence(ran)


def test_a_typo_in_a_setting_is_status_2() -> None:
    ran = _onsale("migrate", partitionss="16")
    assert ran.returncode == 2
    assert "ONSALE_PARTITIONSS" in _sentence(ran)


async def test_audit_finds_nothing_where_all_is_well(engine: Engine, settings: Settings) -> None:
    ran = _onsale("audit", redis_url=settings.redis_url, postgres_url=settings.postgres_url)
    assert (ran.returncode, ran.stdout) == (0, "Every invariant holds.\n"), ran.stderr


@pytest.mark.damages_keys
async def test_audit_names_a_breach_and_its_status_is_1(engine: Engine, settings: Settings) -> None:
    with Redis.from_url(settings.redis_url, socket_timeout=10) as redis:
        redis.hset(engine.keys[7].pools, "7/1", "10 10 1 0 0 0")
    ran = _onsale("audit", redis_url=settings.redis_url, postgres_url=settings.postgres_url)
    assert ran.returncode == 1
    breach, count = ran.stdout.splitlines()[0], ran.stdout.splitlines()[-1]
    assert "pool 1 of event 7" in breach
    assert count.endswith(" breaches.")


def test_audit_says_which_server_cannot_be_asked(settings: Settings) -> None:
    nowhere = free_port()
    no_redis = _onsale("audit", redis_url=f"redis://127.0.0.1:{nowhere}/0", postgres_url=settings.postgres_url)
    no_postgres = _onsale(
        "audit", redis_url=settings.redis_url, postgres_url=f"postgresql://127.0.0.1:{nowhere}/onsale"
    )
    assert (no_redis.returncode, no_postgres.returncode) == (1, 1)
    assert "ONSALE_REDIS_URL" in _sentence(no_redis)
    assert "ONSALE_POSTGRES_URL" in _sentence(no_postgres)
