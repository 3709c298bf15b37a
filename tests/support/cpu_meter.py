"""CPU time of each test, with that of all processes it has to do with: servers, browsers, commands.

    python -m tests.support.cpu_meter tests/integration/api    # any arguments of pytest but -n

It prints the files, the most expensive first, and writes one line per test to `--cpu-to FILE`. Servers of a session
or a module count for the test that starts or uses them. Processes that outlive their parents are adopted and counted.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

_SUBREAPER = 36
_ROOT = "CPU_METER_ROOT"
_TICKS = os.sysconf("SC_CLK_TCK")
_SHOWN = 60


def main() -> int:
    """Runs pytest as a child of an adopting process, since servers detach themselves."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        sys.exit("This system cannot adopt processes: the meter needs Linux")
    environment = os.environ | {_ROOT: str(os.getpid())}
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.cpu_meter", *sys.argv[1:]]
    pytest_process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == pytest_process.pid:
            return os.waitstatus_to_exitcode(status)


class Meter:
    """Sums up what each test adds to the CPU time of the tree of processes."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._root = int(os.environ[_ROOT])
        self._tests: dict[str, tuple[float, float]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        cpu, wall = cpu_of_tree(self._root), time.monotonic()
        try:
            return (yield)
        finally:
            self._tests[item.nodeid] = (cpu_of_tree(self._root) - cpu, time.monotonic() - wall)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        cpu: dict[str, float] = defaultdict(float)
        wall: dict[str, float] = defaultdict(float)
        number = Counter[str]()
        for test, (cpu_seconds, wall_seconds) in self._tests.items():
            file = test.partition("::")[0]
            cpu[file] += cpu_seconds
            wall[file] += wall_seconds
            number[file] += 1
        terminalreporter.section("CPU seconds, seconds, tests")
        for file in sorted(cpu, key=cpu.__getitem__, reverse=True)[:_SHOWN]:
            terminalreporter.line(f"{cpu[file]:7.2f} {wall[file]:7.2f} {number[file]:5} {file}")
        terminalreporter.line(f"{sum(cpu.values()):7.2f} {sum(wall.values()):7.2f} {sum(number.values()):5} in all")
        if self._file:
            lines = [f"{cpu:.3f} {wall:.3f} {test}\n" for test, (cpu, wall) in self._tests.items()]
            Path(self._file).write_text("".join(lines))


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process, its living descendants, and those that they have waited for."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text()
            except OSError:
                continue  # it has just ended
            fields = stat.rpartition(")")[2].split()
            pid = int(entry.name)
            children.setdefault(int(fields[1]), []).append(pid)
            ticks[pid] = sum(map(int, fields[11:15]))
    total, left = 0, [root]
    while left:
        pid = left.pop()
        total += ticks.get(pid, 0)
        left.extend(children.get(pid, ()))
    return total / _TICKS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cpu-to", help="file for the CPU seconds and seconds of each test")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Meter(config.getoption("--cpu-to")))


if __name__ == "__main__":
    sys.exit(main())
