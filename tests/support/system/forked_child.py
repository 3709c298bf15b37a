"""Processes of Onsale that start fast: forks of one that has imported everything (fork_server.py)."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from cli.dev.child_process import Child
from tests.support.system.fork_server import MESSAGE_BYTES


class ForkedChild(Child):
    """As Child, of an `onsale` with these arguments.

    `error_file`: of standard error, else it is in the log.
    `shared_metrics`: those of all its processes are counted together, as `serve` wants it with several workers.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log_file: Path,
        *,
        environ: Mapping[str, str],
        error_file: Path | None = None,
        shared_metrics: bool = False,
    ) -> None:
        super().__init__(name, argv, log_file, environ=environ)
        self._shared_metrics = shared_metrics
        self._error_file = error_file or log_file

    def _spawn(self, _log: IO[bytes]) -> Any:
        order = {
            "argv": self._command,
            "environ": self._environ,
            "log_file": str(self.log_file.resolve()),
            "error_file": str(self._error_file.resolve()),
            "shared_metrics": self._shared_metrics,
        }
        return _server().fork(order)


def fork_onsale(argv: Sequence[str], log_file: Path, environ: Mapping[str, str]) -> "Forked":
    """A process of `onsale` with these arguments. What it prints is added to the log file."""
    log = str(log_file.resolve())
    order = {"argv": list(argv), "environ": dict(environ), "log_file": log, "error_file": log, "shared_metrics": False}
    return _server().fork(order)


class Forked:
    """A forked process, with the methods of subprocess.Popen that Child uses."""

    def __init__(self, server: "_Server", pid: int) -> None:
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The status, if it has ended."""
        self._server.listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The status, at its end. Raises TimeoutExpired."""
        while self.returncode is None:
            if not self._server.listen(timeout):
                raise subprocess.TimeoutExpired("onsale", timeout or 0)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end in order."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, and nothing that it started."""
        self.send_signal(signal.SIGKILL)


class _Server:
    """The process that forks. It ends with this one, and its forks with it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.system.fork_server"], stdin=theirs.fileno()
            )
        self._forks: dict[int, Forked] = {}
        self._lock = threading.RLock()

    def fork(self, order: Mapping[str, Any]) -> Forked:
        """Starts a process."""
        with self._lock:
            self._socket.settimeout(None)
            self._socket.send(json.dumps(order).encode())
            while (pid := self._next()) is None:
                pass
            self._forks[pid] = Forked(self, pid)
            return self._forks[pid]

    def listen(self, seconds: float | None) -> bool:
        """Waits for the next message, and takes it in; False if there was none in time."""
        with self._lock:
            self._socket.settimeout(seconds)
            try:
                self._next()
            except (TimeoutError, BlockingIOError):
                return False
            return True

    def _next(self) -> int | None:
        """Takes a message in; the id of a process that was started."""
        message = self._socket.recv(MESSAGE_BYTES)
        if not message:
            raise ChildProcessError("the process that forks others has ended; what it said is above")
        told = json.loads(message)
        if "status" not in told:
            return int(told["pid"])
        self._forks.pop(told["pid"]).returncode = told["status"]
        return None


@cache
def _server() -> _Server:
    return _Server()
