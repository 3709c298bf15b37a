"""Description of the machine that figures were measured on."""

import os
import platform
import statistics
import time
from pathlib import Path

_SYNCS = 200


def describe_machine(directory: Path) -> str:
    """One line: processor, cores, system, Python, and what it takes to have a page on the disk of `directory`."""
    return (
        f"{_processor()}, {os.cpu_count()} cores; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}; a 4 KiB write with fdatasync takes {_sync_micros(directory):.0f} µs"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _sync_micros(directory: Path) -> float:
    """The median time of an appended write that is synced."""
    page = b"\0" * 4096
    took = []
    with (directory / "sync-probe").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(page)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000_000
