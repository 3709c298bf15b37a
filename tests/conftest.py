"""Real servers for tests, one pair per worker of pytest-xdist, and what is checked after every test that uses them.

    valkey            the server (session): `.url`; a test may `.kill()` and `.start()` one of its own, not this one
    postgres          the server (session): `.url(database)`, with production's users (tests/support/postgres_users.py)
    engine_settings   Settings for an emptied Valkey, which keeps the library of the test before; no Postgres
    settings          the same, with a migrated database, emptied: ids begin at 1
    unsynced_settings `engine_settings`, on a server that does not wait for its disk
    engine            an Engine on `engine_settings`, with patience for a busy machine
    wait_until        `await wait_until(predicate, timeout)` (tests/support/waiting.py)

After each test that uses one of the settings, all of Valkey is checked (tests/support/invariants.py).
A test says so if it damages keys on purpose (`@pytest.mark.damages_keys`) or measures time (`@pytest.mark.alone`). It
also says so if it needs a new database, or changes more than rows (`@pytest.mark.own_database`).
With TEST_SHARDS=3 `valkey` is a cluster. A test that makes no sense there says why: `@pytest.mark.single_server("…")`.
"""

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.gc_tuning import collect_rarely
from engine.engine import Engine
from engine.settings import Settings
from tests.support.effort import SOAKING
from tests.support.exclusive import Alone
from tests.support.invariants import check_invariants
from tests.support.known_types import know_types
from tests.support.memory_files import memory
from tests.support.prepared_postgres import DATABASE, PreparedPostgres, drop_database, make_database
from tests.support.redis_nodes import primaries
from tests.support.shared_database import SharedDatabase
from tests.support.waiting import WaitUntil, wait_until

_SHARDS = int(os.environ.get("TEST_SHARDS", "0"))
"""With that many, the session's server is a cluster of that many primaries: `make test-cluster`."""

_PATIENCE_MS = 30_000
_NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""No test speaks TLS. To load the system's certificates takes each of many processes 50 ms of processor time."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Temporary directories of this session alone, in memory if they fit.

    At the start of each session, pytest closes the directories that sessions share to other users. A Postgres that root
    started as another user (cli/dev/embedded.py) would lose access to its data.
    """
    os.environ.update(_NO_AUTHORITIES)
    know_types()
    if hasattr(config, "workerinput"):  # pytest-xdist gave it a directory within the session's
        gc.disable()  # until all is imported
        config.pluginmanager.register(Alone(Path(config.option.basetemp).parent))
    elif config.option.basetemp is None:
        measures_time = config.option.markexpr == "alone"
        directory = tempfile.mkdtemp(prefix="onsale-tests-", dir=None if measures_time or SOAKING else memory())
        config.add_cleanup(partial(shutil.rmtree, directory, ignore_errors=True))
        config.option.basetemp = directory


def pytest_sessionstart(session: pytest.Session) -> None:
    """Lets pytest-rerunfailures count at once.

    Its worker tells the count of a test and asks for the next one's on a connection that puts small messages together.
    The question leaves 40 ms after the count, and most tests are shorter.
    """
    counts = getattr(session.config, "failures_db", None)
    if hasattr(session.config, "workerinput") and counts is not None:
        counts.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def pytest_collection_finish() -> None:
    """Collects garbage as processes of Onsale do.

    To look at all that tests have imported takes 0.2 s, a quarter of the processor time of some tests.
    """
    collect_rarely()
    gc.enable()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey | EmbeddedCluster]:
    directory = tmp_path_factory.mktemp("valkey")
    if _SHARDS:
        with EmbeddedCluster(directory, directory, _SHARDS, 0) as cluster:
            yield cluster
        return
    with EmbeddedValkey(directory / "data", directory / "log") as server:
        yield server


@pytest.fixture(scope="session")
def prepared_postgres(tmp_path_factory: pytest.TempPathFactory) -> PreparedPostgres:
    folder = tmp_path_factory.getbasetemp()
    return PreparedPostgres(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session")
def postgres(
    prepared_postgres: PreparedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedPostgres]:
    with prepared_postgres.server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def own_postgres(prepared_postgres: PreparedPostgres, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may stop; its database is prepared_postgres.DATABASE."""
    with prepared_postgres.server(tmp_path / "own-postgres") as server:
        yield server


@pytest.fixture
def engine_settings(valkey: EmbeddedValkey | EmbeddedCluster, request: pytest.FixtureRequest) -> Iterator[Settings]:
    if _SHARDS and (marker := request.node.get_closest_marker("single_server")):
        (reason,) = marker.args
        pytest.skip(f"not on a cluster: {reason}")
    with primaries(valkey.url) as nodes:
        for redis in nodes:
            redis.flushall()
    yield Settings(redis_url=valkey.url, auth="off")
    if request.node.get_closest_marker("damages_keys") is None:
        check_invariants(valkey.url)


@pytest.fixture
def unsynced_settings(engine_settings: Settings) -> Iterator[Settings]:
    """Settings for tests of decisions, in many small steps."""
    with primaries(engine_settings.redis_url) as nodes:
        for redis in nodes:
            redis.config_set("appendfsync", "no")
        yield engine_settings
        for redis in nodes:
            redis.config_set("appendfsync", "always")


@pytest.fixture
def settings(
    engine_settings: Settings,
    postgres: EmbeddedPostgres,
    shared_database: SharedDatabase,
    request: pytest.FixtureRequest,
) -> Settings:
    if request.node.get_closest_marker("own_database"):
        url = postgres.url(request.getfixturevalue("own_database"))
    else:
        shared_database.empty()
        url = shared_database.url
    return msgspec.structs.replace(engine_settings, postgres_url=url)


@pytest.fixture
async def engine(engine_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(msgspec.structs.replace(engine_settings, command_timeout_ms=_PATIENCE_MS)) as engine:
        yield engine


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> WaitUntil:
    return wait_until


@pytest.fixture(scope="session")
def shared_database(postgres: EmbeddedPostgres) -> Iterator[SharedDatabase]:
    with SharedDatabase(postgres.url(DATABASE)) as database:
        yield database


@pytest.fixture
def own_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The name of a migrated database for this test alone."""
    name = "onsale_alone"
    make_database(postgres, name)
    yield name
    drop_database(postgres, name)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]
