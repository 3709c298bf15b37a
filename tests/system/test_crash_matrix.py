"""The crash matrix: each process dies by SIGKILL before, within and after each call and write of each step. The
processes are API, Valkey, sync, Postgres and gateway. The steps are hold, pay, callback, refund, exchange, the refund
of everybody, some steps with a code, and those of a waiting list. Afterwards all books agree, and what was answered is
true.

Runs are taken from a shuffled list of all, so none comes twice. `make crash RUNS=200 SEED=7` runs more of them, and
with `STEPS=exchange,cancel` only those of some steps.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import structlog

from cli.dev.embedded import EmbeddedPostgres
from cli.ports import LOOPBACK
from tests.support.effort import effort
from tests.support.prepared_postgres import DATABASE
from tests.support.system.crash_points import VICTIMS, Shop, all_runs
from tests.support.system.crash_rig import Rig
from tests.support.system.crash_runs import CONFIGURED, check, check_money, crash
from tests.support.system.ledgers import Charge, gateway_charges, redis_reservations
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.system.conftest import Database

log = structlog.get_logger(__name__)

RUNS = int(os.environ.get("CRASH_RUNS", effort(10, 200)))
SEED = int(os.environ.get("CRASH_SEED", "20270607"))
STEPS = os.environ.get("CRASH_STEPS", "")


@pytest.fixture
def database(own_postgres: EmbeddedPostgres) -> Database:
    """On a server of its own, because it is killed."""
    return Database(own_postgres, DATABASE)


@pytest.fixture
async def rig(stack: Stack) -> AsyncIterator[Rig]:
    stack.configure(partitions=2, **CONFIGURED)
    rig = Rig(stack)
    async with AsyncExitStack() as wires:
        for wire in rig.wires.values():
            await wires.enter_async_context(wire.open())
        yield rig
        for name in ("api", "sync"):
            stack.kill(name)


@pytest.mark.timeout(120 + 20 * RUNS)
async def test_the_books_agree_after_every_crash(rig: Rig) -> None:
    stack = rig.stack
    for name in ("gateway", "sync", "api"):
        await rig.start(name)
    url = f"http://{LOOPBACK}:{rig.wires['client-api'].port}"
    runs = all_runs(SEED, STEPS)[:RUNS]
    assert len(runs) == RUNS, "there are no more"
    assert STEPS or {run.victim for run in runs} == set(VICTIMS)
    began = time.monotonic()
    for number, run in enumerate(runs):
        async with Storefront.at(url) as storefront, Storefront.at(stack.settings.gateway_url) as gateway:
            shop = Shop(storefront, gateway)
            await shop.open()
            try:
                await crash(rig, shop, run)
                await check(rig, shop)
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(f"run {number} of seed {SEED}: {run}: {error}") from error
        log.info("survived", run=number, of=str(run), seconds=round(time.monotonic() - began, 1))
    reservations, charges = list(redis_reservations(stack).values()), gateway_charges(stack)
    with pytest.raises(AssertionError):  # the comparison must be able to fail
        check_money(reservations, [*charges, Charge("pay-for-nothing", "completed", refunded=False)])
