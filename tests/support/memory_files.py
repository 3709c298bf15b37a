"""Files that are kept in memory: to write them to a disk takes a fifth of the processor time of the tests."""

import shutil
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108  # a folder of its own is made there
_NEEDED_BYTES = 8 * 1024**3
_MEMORY = Path("/proc/meminfo")


def memory() -> Path | None:
    """The folder for them, on a system that has one and enough free memory; else None."""
    if not _FOLDER.is_dir() or shutil.disk_usage(_FOLDER).free < _NEEDED_BYTES or _available() < _NEEDED_BYTES:
        return None
    return _FOLDER


def _available() -> int:
    """The bytes of memory that programs can still use."""
    for line in _MEMORY.read_text(encoding="ascii").splitlines():
        name, _, size = line.partition(":")
        if name == "MemAvailable":
            return int(size.split()[0]) * 1024
    return 0
