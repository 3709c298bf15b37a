"""A process that has imported all of Onsale, and becomes each process that a test starts.

To import everything takes longer than most tests let a process live. So it is done once, and each start is a fork.
`onsale` as a user starts it is in tests/system/test_dev.py, test_production.py and test_containers.py.

Orders come over a socket, a JSON document in each message: {"argv", "environ", "log_file", "error_file",
"shared_metrics"}. The answer is {"pid"}, and at the end of the process there is a message {"pid", "status"}. A negative
status is that of a signal.

The parts of a forked `onsale dev` are forks of it, with `onsale dev` as their parent.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import IO, Any, NoReturn

from prometheus_client import values

import cli.main
from cli.dev.child_process import Child

_EVERYTHING = ("aiohttp.worker", "api.app", "cli.gateway.app", "cli.serve", "sync.worker")
"""Modules that import what the processes of a stack need; `onsale` imports them when it is called."""

_OF_COMMANDS = {
    "audit": "cli.audit",
    "dev": "cli.dev.command",
    "library": "cli.lua_library",
    "migrate": "cli.migrate",
    "report": "cli.reports.command",
    "restore": "cli.restore",
}
"""Modules of other commands, which are imported before the first fork that runs them."""

MESSAGE_BYTES = 1 << 17
_PR_SET_PDEATHSIG = 1
_FILES = 1024
_POLL_SECONDS = 0.01


def main() -> None:
    """Serves on the socket that is inherited as standard input, until its other end is closed."""
    orders = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests end it

    def tell_ends(_number: int, _frame: FrameType | None) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                told = {"pid": ended[0], "status": os.waitstatus_to_exitcode(ended[1])}
                with suppress(OSError):  # nobody is there any more
                    orders.send(json.dumps(told).encode())

    signal.signal(signal.SIGCHLD, tell_ends)
    for name in _EVERYTHING:
        import_module(name)
    gc.freeze()
    while message := orders.recv(MESSAGE_BYTES):
        order = json.loads(message)
        module = _OF_COMMANDS.get(order["argv"][0])
        if module is not None and module not in sys.modules:
            import_module(module)
            gc.freeze()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # the id goes before the end
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become(order)
        with suppress(OSError):  # it may have done so itself, or have ended
            os.setpgid(pid, pid)
        orders.send(json.dumps({"pid": pid}).encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become(order: dict[str, Any]) -> NoReturn:
    """Runs `onsale` with these arguments, and ends the process."""
    status: Any = 1
    try:
        _make_own(order)
        if order["argv"][0] == "dev":
            _fork_parts()
        cli.main.main()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _make_own(order: dict[str, Any]) -> None:
    """A process group, signals, files, an environment and arguments like those of a process that was started."""
    with suppress(OSError):
        os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log_file"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    errors = os.open(order["error_file"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (log, 1), (errors, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["onsale", *order["argv"]]
    if order["shared_metrics"]:  # `serve` says so before prometheus-client is imported, which it was long ago
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def _fork_parts() -> None:
    """Lets `onsale dev` fork the parts that are Onsale's own."""
    sys.modules["cli.dev.command"].Child = _Part  # type: ignore[attr-defined]  # of the module


class _Part(Child):
    """A part of `onsale dev`. It inherits no open file but its log, as if it had been started."""

    def _spawn(self, _log: IO[bytes]) -> Any:
        log_file = str(self.log_file.resolve())
        order = {"argv": self._command[3:], "environ": dict(self._environ or os.environ), "shared_metrics": False}
        pid = os.fork()
        if pid == 0:
            os.closerange(3, _FILES)
            _become(order | {"log_file": log_file, "error_file": log_file})
        with suppress(OSError):
            os.setpgid(pid, pid)
        return _Fork(pid)


class _Fork:
    """A child of this process, with the methods of subprocess.Popen that Child uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The status, if it has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The status, at its end. Raises TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("onsale", timeout or 0)
            time.sleep(_POLL_SECONDS)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


if __name__ == "__main__":
    main()
