"""A run of the crash matrix: a step is completed while a process dies, and then all books must agree."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from sync.audit.audit import audit
from tests.support.invariants import check_invariants
from tests.support.system.crash_points import CODE_PRICE_MINOR, Run, Shop
from tests.support.system.crash_rig import Rig
from tests.support.system.fault_proxy import Moment, Point
from tests.support.system.ledgers import (
    Charge,
    Reservation,
    differences,
    gateway_charges,
    redis_reservations,
    sync_has_caught_up,
    unsettled,
)
from tests.support.waiting import wait_until

SETTLE_SECONDS = 40
TIMEOUT_MS = 600
CONFIGURED = {
    "gateway_timeout_ms": TIMEOUT_MS,
    "command_timeout_ms": TIMEOUT_MS,
    "resolve_after_ms": TIMEOUT_MS + 1,
    "resolve_interval_ms": 100,
    "publish_interval_ms": 1000,
}
"""Settings under which a run does not take long."""


async def crash(rig: Rig, shop: Shop, run: Run) -> None:
    """Completes the step of a run, with the trap in its way and the victim back after it was killed."""
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
    rig.clear_traps()


async def _prepared(rig: Rig, shop: Shop, step: str) -> Coroutine[Any, Any, Any]:
    """The rest of a step when everything before it is done."""
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
    await wait_until(lambda: not unsettled(stack), SETTLE_SECONDS, "every payment is settled")
    await wait_until(lambda: sync_has_caught_up(stack), SETTLE_SECONDS, "sync has written everything")
    for url in stack.redis_urls():
        check_invariants(url)
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
