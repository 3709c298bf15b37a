"""The folder of temporary files: in memory, where there is plenty, since servers of tests write each change to disk."""

import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # within it, each session makes a folder of its own
_GIB = 2**30
_NEEDED_BYTES = 4 * _GIB
"""A whole run leaves 2 GiB until its end."""


def memory_folder() -> Path | None:
    """A folder in memory; None where there is none, or too little: then the usual place will do.

    A change costs a tenth of the kernel's time there, and nobody waits for a disk. A process that is killed loses
    nothing: what it wrote is there as on a disk.
    """
    try:
        free = shutil.disk_usage(_MEMORY).free
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    return _MEMORY if free >= _NEEDED_BYTES and available >= 2 * _NEEDED_BYTES else None
