"""Distribution of cores: the processes that may use each, and how much each used."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec


class Cores(msgspec.Struct, frozen=True):
    """The cores of the processes: the API on one, everything else on the others. Empty: any core."""

    api: frozenset[int]
    rest: frozenset[int]


def divide_cores(*, pin: bool) -> Cores:
    """The last core for the API, where there are several and the system lets us choose."""
    if not pin or not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        return Cores(frozenset(), frozenset())
    *rest, last = sorted(os.sched_getaffinity(0))
    return Cores(frozenset({last}), frozenset(rest))


@contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """Keep everything started within this block on these cores."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def prefer(pid: int) -> None:
    """Lets a process interrupt the generator of load on their core. Only root may say so; else it does nothing.

    It is for what has a machine of its own in production: Redis, the gateway, and customers whose latency is measured.
    A higher priority is not enough: Valkey waited for the generator for a tenth of a storm. Children are as usual.
    """
    with suppress(PermissionError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def used_seconds(pid: int) -> float:
    """CPU seconds that a process and its living descendants used so far; 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:  # it has ended, or this is not Linux
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") + sum(used_seconds(int(child)) for child in children)


def used_by_everybody() -> float:
    """CPU seconds that all programs of this machine used so far; 0 where the system does not tell."""
    try:
        user, nice, system = Path("/proc/stat").read_text(encoding="utf-8").split(maxsplit=4)[1:4]
    except OSError:
        return 0.0
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def used_by_ended_children() -> float:
    """CPU seconds of our children that have ended: of wrk."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
