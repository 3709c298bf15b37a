"""One storm: ever more arrivals, each load after a look at the capacity, then few, and payments all the while."""

import asyncio
import resource
import statistics
from collections import Counter

import msgspec

from loadtest.bench.cpu import used_seconds
from loadtest.bench.wrk import Load as Reads
from loadtest.open_loop.apart import CrowdApart
from loadtest.open_loop.crowd import Crowd
from loadtest.open_loop.figures import Load, percentile_ms
from loadtest.storm.stage import Stage, Tell, holds, payments, read_for

PAYMENTS_PER_SECOND = 20
CALM = 0.3
"""The load that comes last, as a share of the capacity."""

_PAYERS = 64


class Plan(msgspec.Struct, frozen=True):
    """The load and length of a storm.

    `loads` are shares of the capacity; `reads_per_second`: of a crowd that only looks.
    """

    loads: tuple[float, ...] = (0.5, 0.9, 1.5, 2, 4, 10)
    seconds: float = 10
    capacity_seconds: float = 3
    connections: int = 10_000
    reads_per_second: float = 0


class Payments(msgspec.Struct):
    """The payments during a load: how many were due, succeeded, and their p99 in ms from the due time."""

    due: int
    succeeded: int
    p99_ms: float
    statuses: Counter[int]


class Step(msgspec.Struct):
    """One load, the payments beside it, and the memory of the API at its end.

    `capacity`: successes a second in closed loop, the mean of right before it and right after it. It varies with what
    else the machine does. Nothing comes between the largest load and the calm one, so those share both looks.
    """

    share: float
    capacity: float
    load: Load
    payments: Payments
    reads: Reads | None
    memory_mib: float
    api_seconds: float

    @property
    def goodput(self) -> float:
        """Successes as a share of the capacity."""
        return self.load.good_per_second / self.capacity

    @property
    def api_micros_each(self) -> float:
        """CPU time of the API for one answer, sold or refused."""
        return self.api_seconds / max(1, self.load.statuses.total()) * 1_000_000

    @property
    def api_core(self) -> float:
        """The part of a core that the API used."""
        return self.api_seconds / self.load.seconds


class Storm(msgspec.Struct):
    """All of it."""

    variant: str
    steps: list[Step]

    @property
    def capacity(self) -> float:
        """The median of the capacities."""
        return statistics.median(step.capacity for step in self.steps)


async def rage(stage: Stage, plan: Plan, tell: Tell) -> Storm:
    """Runs a storm on what is on the stage."""
    _allow_connections(plan.connections)
    loads = (*plan.loads, CALM)
    payable = int(len(loads) * plan.seconds * PAYMENTS_PER_SECOND) + PAYMENTS_PER_SECOND
    async with (
        CrowdApart(stage.address, _PAYERS, await payments(stage, payable)) as payers,
        Crowd(stage.address, plan.connections, holds(stage)) as crowd,
    ):
        await crowd.closed_loop("warm-up", min(1.0, plan.capacity_seconds))
        storm, capacity = Storm(stage.variant.name, []), 0.0
        unjudged: list[Step] = []

        async def look() -> None:
            """Measure the capacity again, and judge the steps since the last look by both."""
            nonlocal capacity
            before, capacity = capacity, (await crowd.closed_loop("capacity", plan.capacity_seconds)).good_per_second
            if not capacity:
                raise RuntimeError("the API sells nothing at all; see its log")
            for step in unjudged:
                step.capacity = (before + capacity) / 2
                tell(f"{stage.variant.name}: {step.share:g}x: {step.goodput:.2f} of the capacity")
            unjudged.clear()
            tell(f"{stage.variant.name}: capacity {capacity:,.0f}/s, {stage.memory_mib():.0f} MiB")

        for share in loads:
            if share != CALM:  # what comes after the storm comes at once
                await look()
            used = used_seconds(stage.api.pid)
            async with asyncio.TaskGroup() as tasks:
                taking = tasks.create_task(crowd.open_loop(f"{share:g}x", share * capacity, plan.seconds))
                paying = tasks.create_task(payers.open_loop("pay", PAYMENTS_PER_SECOND, plan.seconds))
                reading: asyncio.Task[Reads] | None = None
                if plan.reads_per_second:
                    reading = tasks.create_task(asyncio.to_thread(read_for, stage, plan.reads_per_second, plan.seconds))
            paid = paying.result()
            step = Step(
                share,
                capacity,
                taking.result(),
                Payments(paid.due, paid.statuses[200], percentile_ms(paid.good_latencies(), 0.99), paid.statuses),
                reading.result() if reading else None,
                stage.memory_mib(),
                used_seconds(stage.api.pid) - used,
            )
            storm.steps.append(step)
            unjudged.append(step)
        await look()
    return storm


def _allow_connections(connections: int) -> None:
    """Each is a file descriptor."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, max(connections * 2, 4096)), most))
