"""`onsale dev` for tests: as a user starts it, or forked and on data that are there, which takes a tenth of the time.

Whatever is the same on each start is tested on a real one in tests/system/test_dev.py.
"""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.support.system.forked_child import Forked, fork_onsale

END_SECONDS = 40
_START_SECONDS = 90
_READY = "Ctrl-C stops everything."


class Session:
    """A started `dev` and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str] | Forked", said: Path, data: Path) -> None:
        self.process = process
        self.data = data
        self._said = said

    @property
    def said(self) -> str:
        """Output so far."""
        return self._said.read_text(encoding="utf-8")

    @property
    def api_url(self) -> str:
        """The address that it tells."""
        found = re.search(r"ready on (http://\S+)\.", self.said)
        assert found
        return found[1]

    def setting(self, name: str) -> str:
        """A setting of its parts, like REDIS_URL."""
        lines = (self.data / "environment").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)[f"ONSALE_{name}"]

    def wait_for(self, text: str) -> None:
        """Waits until it has said so."""
        deadline = time.monotonic() + _START_SECONDS
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)

    def parts(self) -> list[psutil.Process]:
        """Every process that it started."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def commands(self) -> list[str]:
        """The commands that it printed."""
        return re.findall(r"^  (curl .+)$", self.said, re.MULTILINE)

    def interrupt(self) -> None:
        """The effect of Ctrl-C in a terminal."""
        os.killpg(self.process.pid, signal.SIGINT)


@contextmanager
def started(command: Sequence[str], said: Path, cwd: Path, data: Path, **variables: str) -> Iterator[Session]:
    """A session of a command that starts `onsale dev`; checks that nothing of it runs afterwards."""
    with said.open("w") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | variables, stdout=out, stderr=out, process_group=0, text=True
        )
    with _watched(Session(process, said, data)) as session:
        yield session


@contextmanager
def dev(data: Path, said: Path, repository: Path, *options: str) -> Iterator[Session]:
    """A session as a user starts it."""
    command = [sys.executable, "-m", "cli", "dev", "--port", "0", "--data-dir", str(data), *options]
    with started(command, said, repository, data) as session:
        yield session


@contextmanager
def forked_dev(data: Path, said: Path, *options: str) -> Iterator[Session]:
    """A session whose processes, but for the servers, are forks of one that has imported everything."""
    said.touch()
    process = fork_onsale(["dev", "--port", "0", "--data-dir", str(data), *options], said, os.environ)
    with _watched(Session(process, said, data)) as session:
        yield session


@contextmanager
def _watched(session: Session) -> Iterator[Session]:
    process = session.process
    parts: list[psutil.Process] = []
    try:
        session.wait_for(_READY)
        parts = session.parts()
        yield session
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(END_SECONDS)
    _, alive = psutil.wait_procs(parts, timeout=10)
    assert not [part for part in alive if part.status() != psutil.STATUS_ZOMBIE], "processes were left behind"


def prepared_data(folder: Path) -> Path:
    """A data directory with servers that have been started, a schema, and the demo tickets.

    Made by the first process that asks for the one in this folder.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "data").exists():
            with forked_dev(folder / "unfinished", folder / "said"):
                pass
            (folder / "unfinished").rename(folder / "data")
    return folder / "data"


def copy_data(data: Path, to: Path) -> Path:
    """A copy of a data directory that nobody uses. Files of Postgres keep their owner."""
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", data, to], check=True, timeout=60)
    return to
