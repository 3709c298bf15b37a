"""The crash matrix on a cluster: a node dies by SIGKILL at every step of a sale, and a replica takes over for it.

Afterwards all books agree, and what was answered is true. `make crash` runs more of them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import structlog

from cli.dev.embedded_cluster import EmbeddedCluster
from cli.ports import LOOPBACK
from tests.support.effort import effort
from tests.support.system.crash_points import Shop, all_runs
from tests.support.system.crash_rig import NODE, NodeRig, cluster_behind
from tests.support.system.crash_runs import CONFIGURED, check, crash
from tests.support.system.fault_proxy import Wire
from tests.support.system.process_stack import ClusterStack
from tests.support.system.storefront_client import Storefront
from tests.system.conftest import Database

log = structlog.get_logger(__name__)

RUNS = int(os.environ.get("CRASH_RUNS", effort(1, 60)))
SEED = int(os.environ.get("CRASH_SEED", "20270607"))
STEPS = os.environ.get("CRASH_STEPS", "")
_SHARDS, _REPLICAS, _PARTITIONS = 3, 1, 3


@asynccontextmanager
async def running(cluster: EmbeddedCluster) -> AsyncIterator[None]:
    """Its nodes reach one another through wires of this loop, which must go on meanwhile."""
    await asyncio.to_thread(cluster.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(cluster.__exit__, None, None, None)


@pytest.fixture
async def rig(tmp_path: Path, database: Database) -> AsyncIterator[NodeRig]:
    async with AsyncExitStack() as opened:
        node_wires = [Wire(f"node-{number}", 0) for number in range(_SHARDS * (1 + _REPLICAS))]
        for wire in node_wires:
            await opened.enter_async_context(wire.open())
        cluster = cluster_behind(node_wires, tmp_path, _SHARDS, _REPLICAS)
        await opened.enter_async_context(running(cluster))
        stack = opened.enter_context(ClusterStack(tmp_path, *database, cluster))
        stack.configure(partitions=_PARTITIONS, replica_timeout_ms=500, **CONFIGURED)
        rig = NodeRig(stack, node_wires)
        for wire in rig.wires.values():
            await opened.enter_async_context(wire.open())
        yield rig
        for name in ("api", "sync"):
            stack.kill(name)


@pytest.mark.timeout(240 + 30 * RUNS)
async def test_the_books_agree_after_every_crash_of_a_node(rig: NodeRig) -> None:
    stack = rig.stack
    for name in ("gateway", "sync", "api"):
        await rig.start(name)
    url = f"http://{LOOPBACK}:{rig.wires['client-api'].port}"
    # A repeat of making codes is answered that they are there, if they were stored and not published in time.
    runs = [run for run in all_runs(SEED, STEPS, [NODE]) if run.step != "make codes"][:RUNS]
    assert len(runs) == RUNS, "there are no more"
    began = time.monotonic()
    for number, run in enumerate(runs):
        async with Storefront.at(url) as storefront, Storefront.at(stack.settings.gateway_url) as gateway:
            shop = Shop(storefront, gateway)
            await shop.open()
            rig.event_id = shop.event_id
            try:
                await crash(rig, shop, run)
                await check(rig, shop)
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(f"run {number} of seed {SEED}: {run}: {error}\n{stack.logs()}") from error
        log.info("survived", run=number, of=str(run), seconds=round(time.monotonic() - began, 1))
