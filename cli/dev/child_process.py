"""Processes that we start and that must not outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pwd import struct_passwd
from typing import IO

from cli.errors import UserError

_PR_SET_PDEATHSIG = 1


class ChildError(UserError):
    """A process did not start, or ended before it should; the message says where its log is."""


class Child:
    """One process, its log file and its end. Can be started again after it ended.

    It leads a process group of its own, so Ctrl-C in a terminal reaches only us and we stop children in order. On Linux
    the kernel sends it `stop_signal` if we die without a chance to do so.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log_file: Path,
        *,
        environ: Mapping[str, str] | None = None,
        user: struct_passwd | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._command = [str(part) for part in command]
        self._environ = environ
        self._user = user
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ChildError if it was never started."""
        if self._process is None:
            raise ChildError(f"{self.name} is not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """True if the process exists."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the process; what it prints is added to the log file. Raises ChildError if it cannot be executed.

        To be called from the main thread: to the kernel, the end of the thread that starts a process is the parent's.
        """
        with self.log_file.open("ab") as log:
            try:
                self._process = self._spawn(log)
            except OSError as error:
                raise ChildError(f"cannot start {self.name}: {error}") from error

    def stop(self, patience_seconds: float = 20) -> None:
        """Asks the process to end, and kills its group if it does not in time."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def wait(self, patience_seconds: float) -> int:
        """Waits for the process to end by itself; its status. Kills it after that time. Raises ChildError."""
        if self._process is None:
            raise ChildError(f"{self.name} is not started")
        try:
            return self._process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildError(f"{self.name} did not end in {patience_seconds} s; its log is {self.log_file}") from None

    def kill(self) -> None:
        """Ends the process and its group at once, as a crash would."""
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of the log."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def failure(self) -> ChildError:
        """An error that says how the process ended and where to read on."""
        status = 0 if self._process is None else self._process.wait()
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
        return ChildError(f"{self.name} {how}; its log is {self.log_file}\n{self.log_tail()}")

    def _spawn(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  # our own commands
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self._environ,
            process_group=0,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
            preexec_fn=_ask_for_death_signal(self._stop_signal),  # noqa: PLW1509  # two system calls, no lock of Python
        )


def _ask_for_death_signal(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """The hook that makes a child die with its parent, if the kernel offers it."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask
