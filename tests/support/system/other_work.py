"""Work for the processors and for nothing else: what other processes cost beyond theirs can be told apart."""

import subprocess
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

_PERIOD_SECONDS = 0.005
_WORK = """
import os, sys, time
portion, parent = float(sys.argv[1]) * float(sys.argv[2]), os.getppid()
while os.getppid() == parent:
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < portion:
        pass
    time.sleep(max(0.0, float(sys.argv[2]) - (time.monotonic() - began)))
"""


class OtherWork:
    """One process for each share of a processor (0.4: 400 ms a second), in small portions. A context manager."""

    def __init__(self, shares: Iterable[float]) -> None:
        self._shares = [min(1.0, share) for share in shares]
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for share in self._shares:
            command = [sys.executable, "-c", _WORK, str(share), str(_PERIOD_SECONDS)]
            self._processes.append(subprocess.Popen(command))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [process.pid for process in self._processes]
