"""The crash matrix: API, Valkey, sync, Postgres and gateway each die by SIGKILL before, within and after each call and
write of hold, pay, callback, refund, exchange and the refund of everybody, of some with a code, and of the steps of a
waiting list. Afterwards all books agree, and what was answered is true.

Runs are taken from a shuffled list of all, so none comes twice. `make crash RUNS=200 SEED=7` runs more of them, and
with `STEPS=exchange,cancel` only those of some steps.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
import pytest
import structlog

from cli.dev.child_process import ChildError
from cli.dev.embedded import EmbeddedPostgres
from cli.ports import LOOPBACK
from sync.audit.audit import audit
from tests.support.effort import effort
from tests.support.invariants import check_invariants
from tests.support.postgres_users import make_users
from tests.support.system.crash_points import CODE_PRICE_MINOR, VICTIMS, Run, Shop, all_runs
from tests.support.system.fault_proxy import Moment, Point, Trap, Wire
from tests.support.system.ledgers import (
    Charge,
    Reservation,
    differences,
    gateway_charges,
    redis_reservations,
    sync_has_caught_up,
    unsettled,
)
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until
from tests.system.conftest import Database

log = structlog.get_logger(__name__)

RUNS = int(os.environ.get("CRASH_RUNS", effort(10, 200)))
SEED = int(os.environ.get("CRASH_SEED", "20270607"))
STEPS = os.environ.get("CRASH_STEPS", "")
SETTLE_SECONDS = 40
TIMEOUT_MS = 600


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """On a server of its own, because it is killed."""
    with EmbeddedPostgres(tmp_path / "postgres", tmp_path / "postgres.log", durable=False) as server:
        make_users(server)
        server.ensure_database("onsale")
        yield Database(server, "onsale")


class Rig:
    """The processes, with wires between them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        direct = stack.settings
        ports = {
            "valkey": stack.valkey.port,
            "gateway": urlsplit(direct.gateway_url).port,
            "postgres": urlsplit(direct.postgres_url).port,
            "api": urlsplit(stack.api_url).port,
        }
        names = ("client-api", "api-valkey", "api-gateway", "sync-valkey", "sync-gateway", "sync-postgres")
        self.wires = {name: Wire(name, ports[name.partition("-")[2]] or 0) for name in names}

    async def start(self, name: str) -> None:
        """Starts a process, whose calls go over its wires."""
        direct = self.stack.settings
        for server in ("valkey", "gateway", "postgres"):
            wire = self.wires.get(f"{name}-{server}")
            if wire is not None:
                field = {"valkey": "redis_url"}.get(server, f"{server}_url")
                url = urlsplit(getattr(direct, field))
                self.stack.configure(**{field: url._replace(netloc=_netloc(url.netloc, wire.port)).geturl()})
        try:
            await self._start(name)
        finally:
            self.stack.settings = direct

    async def _start(self, name: str) -> None:
        """Postgres refuses for as long as processes of the killed one are there."""
        for tries in range(100):
            try:
                await self.stack.start(name)
                return
            except ChildError:
                if name != "postgres" or tries == 99:
                    raise
                await asyncio.sleep(0.05)

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all that it started, whatever group they are in."""
        process = psutil.Process(self.stack.pid(name))
        family = process.children(recursive=True)
        self.stack.kill(name)
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue

    def trap(self, point: Point, victim: str) -> Trap:
        """Sets a trap; what is in hand is lost if one of the wire's ends dies."""
        loses = victim in point.wire.split("-")
        trap = Trap(point, lambda: self.kill(victim), loses=loses)
        self.wires[point.wire].trap = trap
        return trap


def _netloc(netloc: str, port: int) -> str:
    user, at, _ = netloc.rpartition("@")
    return f"{user}{at}{LOOPBACK}:{port}"


@pytest.fixture
async def rig(stack: Stack) -> AsyncIterator[Rig]:
    migrated = await stack.run("migrate")
    assert migrated.status == 0, migrated.output
    stack.configure(
        partitions=2,
        gateway_timeout_ms=TIMEOUT_MS,
        command_timeout_ms=TIMEOUT_MS,
        resolve_after_ms=TIMEOUT_MS + 1,
        resolve_interval_ms=100,
        publish_interval_ms=1000,
    )
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


async def crash(rig: Rig, shop: Shop, run: Run) -> None:
    """Drives the step of a run to its end, with the trap in its way and the victim back after it was killed."""
    work = await _prepared(rig, shop, run.step)
    trap = rig.trap(run.point, run.victim)
    async with asyncio.TaskGroup() as group:
        step = group.create_task(work)
        async with asyncio.timeout(SETTLE_SECONDS):
            await trap.sprung.wait()
        await rig.start(run.victim)
        if run.step.startswith("resolve"):
            await rig.start("api")
        await step
    for wire in rig.wires.values():
        wire.trap = None


async def _prepared(rig: Rig, shop: Shop, step: str) -> Coroutine[Any, Any, Any]:
    """What is left to do of a step when everything before it is done."""
    if step == "hold":
        return shop.hold()
    if step == "callback":
        return shop.complete(*await shop.booked_cart())
    if step == "refund some" or step.startswith("exchange") or step in ("cancel and refund all", "resolve an exchange"):
        return await _prepared_sale(rig, shop, step)
    if "code" in step:
        return await _prepared_code(rig, shop, step)
    if step in ("join a waiting list", "offer a place") or step.endswith("an offer"):
        return await _prepared_offer(shop, step)
    reservation_id = await shop.hold()
    if step == "refund":
        await shop.pay(reservation_id)
        await _caught_up(rig)
        return shop.refund(reservation_id)
    if step.startswith("resolve"):
        moment = Moment.BETWEEN if step == "resolve a charge" else Moment.BEFORE
        rig.trap(Point("api-gateway", b"POST /charges", moment), "api")
    return shop.pay(reservation_id)


async def _prepared_sale(rig: Rig, shop: Shop, step: str) -> Coroutine[Any, Any, Any]:
    """The same of a step after a sale."""
    places = 1 if step in ("exchange for more", "resolve an exchange") else 2
    reservation_id = await shop.hold(places)
    await shop.pay(reservation_id, places)
    if step == "cancel and refund all":
        await shop.pay(await shop.hold())
        await _caught_up(rig)
        return shop.cancel_and_refund_all()
    await _caught_up(rig)
    if step == "refund some":
        return shop.refund_some(reservation_id)
    if step == "resolve an exchange":
        rig.trap(Point("api-gateway", b"POST /charges", Moment.BETWEEN), "api")
    return shop.exchange(reservation_id, 3 - places)


async def _prepared_code(rig: Rig, shop: Shop, step: str) -> Coroutine[Any, Any, Any]:
    """The same of a step with a code."""
    if step == "make codes":
        return shop.make_and_use_code()
    await shop.make_code()
    if step == "hold with a code":
        return shop.use_code()
    if step == "withdraw a code":
        await shop.use_code()
        return shop.withdraw_code()
    reservation_id = await shop.use_code()
    if step == "pay with a code":
        return shop.pay(reservation_id, price_minor=CODE_PRICE_MINOR)
    await shop.pay(reservation_id, price_minor=CODE_PRICE_MINOR)
    await _caught_up(rig)
    return shop.refund_and_use_code_again(reservation_id)


async def _prepared_offer(shop: Shop, step: str) -> Coroutine[Any, Any, Any]:
    """The same of a step of a waiting list."""
    if step == "join a waiting list":
        await shop.open_line(1)
        return shop.join()
    reservation_id = await shop.open_line(2)
    if step == "offer a place":
        return shop.offer(reservation_id)
    offer_id = await shop.offer(reservation_id)
    return shop.decline(offer_id) if step == "decline an offer" else shop.pay_offer(offer_id)


async def _caught_up(rig: Rig) -> None:
    await wait_until(lambda: sync_has_caught_up(rig.stack), SETTLE_SECONDS, "sync has written everything")


async def check(rig: Rig, shop: Shop) -> None:
    """Everything settles, and then all books agree with one another and with what was answered."""
    stack = rig.stack
    await wait_until(lambda: not unsettled(stack), SETTLE_SECONDS, "every payment comes to its end")
    await wait_until(lambda: sync_has_caught_up(stack), SETTLE_SECONDS, "sync has written everything")
    check_invariants(stack.valkey.url)
    assert await differences(stack) == []
    patient = msgspec.structs.replace(stack.settings, gateway_timeout_ms=SETTLE_SECONDS * 1000)
    assert await audit(patient, asks_gateway=True) == []
    reservations = redis_reservations(stack)
    for reservation_id, told in shop.told.items():
        status = reservations[reservation_id].status
        assert status == told or (told == "not paid" and status == "held"), (reservation_id, told, status)
    for reservation_id, places in shop.places.items():
        assert reservations[reservation_id].places == places, (reservation_id, places)
    assert shop.uses is None or await shop.code_uses() == shop.uses
    assert await shop.line_now() == shop.waiting
    check_money(list(reservations.values()), gateway_charges(stack))


def check_money(reservations: list[Reservation], charges: list[Charge]) -> None:
    """Charges less refunds are what is sold, of each reservation; of those that share a cart's charge together.

    Each charge is of one thing in each event, or of none that was ever paid.
    """
    assert {charge.state for charge in charges} <= {"completed", "failed"}
    owners: dict[str, list[Reservation]] = {}
    for reservation in reservations:
        for payment in reservation.payments:
            if payment.status in ("completed", "refund_due", "refunded") and payment.amount_minor:
                owners.setdefault(payment.id, []).append(reservation)
    taken = {charge.id: charge for charge in charges if charge.state == "completed"}
    assert taken.keys() == owners.keys()
    for charge_id, sharing in owners.items():
        assert len({reservation.event_id for reservation in sharing}) == len(sharing), "bought twice with one charge"
        owed = sum(payment.amount_minor for each in sharing for payment in each.payments if payment.id == charge_id)
        assert owed == taken[charge_id].amount_minor, charge_id
    for reservation in reservations:
        mine = [payment.id for payment in reservation.payments if payment.id in taken]
        group = {other for charge_id in mine for other in owners[charge_id]} or {reservation}
        theirs = {payment.id for each in group for payment in each.payments if payment.id in taken}
        left = sum(taken[charge_id].amount_minor - taken[charge_id].given_back_minor for charge_id in theirs)
        assert left == sum(each.sold_minor for each in group), (reservation, left)
