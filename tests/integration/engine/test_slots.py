"""Slots: which of them can be had, and until when."""

from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from engine.commands.bookings import Book, Unbook
from engine.commands.codes import CountCodes, PutCodes
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.results.bookings import Booked, BookingExpired, SlotNotScheduled
from engine.results.holds import Held
from engine.results.limits import LimitExceeded
from engine.results.payments import Paid, PaymentFailed
from engine.results.refunds import RefundDue, Refunded, Restocked
from engine.slots import slot_pool
from engine.terms import CodeTerms, Terms, TicketTerms
from engine.words import CodeKind, DiscountForm, EventStatus, FailureReason
from tests.support.engine.timed_slots import at, schedule_of, slot_of
from tests.support.waiting import wait_until

EVENT, TICKET, PRICE = 3, 6, 1_000
SLOT, OTHER_DAY = 4_000_000_000_000, 4_000_000_000_002
FAR_MS, SOON_MS = 3_600_000, 1_000


async def publish(engine: Engine, closed: tuple[str, ...] = (), limit: int = 10) -> None:
    ticket = TicketTerms(TICKET, [], PRICE, timed=True)
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, limit, [ticket], 1, schedule_of(20, closed=closed))
    await engine.submit(PutEvent(EVENT, terms, []))


def hold_of(start_ms: int) -> Hold:
    wish = items_text([TimedPlaces(TICKET, 1, *at(start_ms))])
    return Hold(new_reservation_id(EVENT), EVENT, "anna", "{}", "", wish)


async def bought(engine: Engine, start_ms: int) -> str:
    """A reservation of a place of the slot that is paid."""
    hold = hold_of(start_ms)
    assert isinstance(await engine.submit(hold), Held)
    await engine.submit(BeginPayment(hold.reservation_id, "pay", PRICE, ""))
    assert isinstance(await engine.submit(ConfirmPayment(hold.reservation_id, "pay")), Paid)
    return hold.reservation_id


@pytest.mark.parametrize("of", ["the day", "the slot"])
async def test_closed_slots_are_refused(engine: Engine, of: str) -> None:
    closed = slot_of(SLOT)
    await publish(engine, (closed if of == "the slot" else closed.partition("T")[0],))
    asked: list[Command[Any]] = [
        Book(EVENT, "00000000-0000-4000-8000-000000000001", *at(SLOT), "{}", ""),
        hold_of(SLOT),
    ]
    for command in asked:
        assert await engine.submit(command) == SlotNotScheduled(closed)
    assert isinstance(await engine.submit(hold_of(OTHER_DAY)), Held)
    booked = await engine.submit(Book(EVENT, "00000000-0000-4000-8000-000000000002", *at(OTHER_DAY), "{}", ""))
    assert isinstance(booked, Booked)


@pytest.mark.parametrize(("starts_in_ms", "outcome"), [(FAR_MS, Paid), (SOON_MS, RefundDue)])
async def test_late_money_buys_a_slot_until_it_begins(engine: Engine, starts_in_ms: int, outcome: type) -> None:
    await publish(engine)
    keys = engine.partition_keys(EVENT)
    starts_ms = await server_time_ms(engine.redis, keys) + starts_in_ms
    hold = hold_of(starts_ms)
    assert isinstance(await engine.submit(hold), Held)
    await engine.submit(BeginPayment(hold.reservation_id, "pay", PRICE, ""))
    fail = FailPayment(hold.reservation_id, "pay", FailureReason.PAYMENT_FAILED, give_back=True)
    assert isinstance(await engine.submit(fail), PaymentFailed)

    if starts_in_ms == SOON_MS:
        await until(engine, starts_ms)
    assert isinstance(await engine.submit(ConfirmPayment(hold.reservation_id, "pay")), outcome)


async def until(engine: Engine, at_ms: int) -> None:
    """Waits until the server's clock is there."""
    keys = engine.partition_keys(EVENT)

    async def is_there() -> bool:
        return await server_time_ms(engine.redis, keys) >= at_ms

    await wait_until(is_there)


async def test_a_booking_that_has_expired_is_not_deleted_any_more(engine: Engine) -> None:
    await publish(engine)
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        booking_id = "00000000-0000-4000-8000-000000000001"
        assert isinstance(await hasty.submit(Book(EVENT, booking_id, *at(starts_ms), "{}", "")), Booked)
        await until(engine, starts_ms + 1)
        assert isinstance(await hasty.submit(Unbook(EVENT, booking_id, "again")), BookingExpired)


@pytest.mark.parametrize(("phone", "customer"), [("933", ""), ("", "anna"), ("933", "anna")])
@pytest.mark.parametrize("sweep_slice", [1, 64])
async def test_expired_bookings_do_not_count_though_nothing_purges_them(
    engine: Engine, phone: str, customer: str, sweep_slice: int
) -> None:
    """Others expired before, more than one call looks at."""
    await publish(engine, limit=1)
    async with Engine(replace(engine.settings, booking_expires_ms=1, sweep_slice=sweep_slice)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS

        async def booked(start_ms: int, phone: str, customer: str) -> object:
            return await hasty.submit(Book(EVENT, str(uuid4()), *at(start_ms), "{}", "", phone, customer))

        for number in range(3):
            assert isinstance(await booked(starts_ms - 1, f"{number}", f"{number}"), Booked)
        assert isinstance(await booked(starts_ms, phone, customer), Booked)
        assert await booked(SLOT, phone, customer) == LimitExceeded(1, 1)
        await until(engine, starts_ms + 1)
        assert isinstance(await booked(SLOT, phone, customer), Booked)
        assert await booked(OTHER_DAY, phone, customer) == LimitExceeded(1, 1)


async def test_past_visits_and_bookings_do_not_count_for_holds_though_nothing_purges_them(engine: Engine) -> None:
    await publish(engine, limit=2)
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        await bought(hasty, starts_ms)
        book = Book(EVENT, str(uuid4()), *at(starts_ms), "{}", "", "", "anna")
        assert isinstance(await hasty.submit(book), Booked)
        assert await hasty.submit(hold_of(SLOT)) == LimitExceeded(2, 2)
        await until(engine, starts_ms + 1)
        assert isinstance(await hasty.submit(hold_of(SLOT)), Held)
        assert isinstance(await hasty.submit(hold_of(OTHER_DAY)), Held)
        assert await hasty.submit(hold_of(OTHER_DAY)) == LimitExceeded(2, 2)


async def test_purchases_of_a_purged_slot_no_longer_count_and_their_refund_takes_nothing_twice(
    engine: Engine,
) -> None:
    await publish(engine, limit=1)
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        rid = await bought(hasty, starts_ms)
        assert isinstance(await hasty.submit(hold_of(SLOT)), LimitExceeded)
        await until(engine, starts_ms + 1)
        await hasty.purge_slots(engine.partition_keys(EVENT).partition)
        assert isinstance(await hasty.submit(hold_of(SLOT)), Held)
        assert isinstance(await hasty.submit(hold_of(OTHER_DAY)), LimitExceeded)
        assert isinstance(await hasty.submit(Refund(rid, restock=True)), RefundDue)
        assert isinstance(await hasty.submit(hold_of(OTHER_DAY)), LimitExceeded)


async def test_a_refund_is_settled_after_the_last_slot_was_purged(engine: Engine) -> None:
    await publish(engine)
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        rid = await bought(hasty, starts_ms)
        await until(engine, starts_ms + 1)
        await hasty.purge_slots(engine.partition_keys(EVENT).partition)
        assert await engine.redis.hlen(engine.partition_keys(EVENT).pools) == 0
        assert isinstance(await hasty.submit(Refund(rid, restock=True)), RefundDue)
        assert isinstance(await hasty.submit(SettleRefund(rid, "pay", rid)), Refunded)


async def test_a_purchase_that_stays_longer_keeps_its_slot_as_long(engine: Engine) -> None:
    """Another place is refunded after `booking_expires_ms` was raised: the rest counts for longer than before."""
    await publish(engine, limit=1)
    partition = engine.partition_keys(EVENT).partition
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        stays, goes = (TimedPlaces(TICKET, 1, *at(each)) for each in (starts_ms, starts_ms + 1))
        hold = Hold(new_reservation_id(EVENT), EVENT, "anna", "{}", "", items_text([stays, goes]), over_limit=True)
        assert isinstance(await hasty.submit(hold), Held)
        await hasty.submit(BeginPayment(hold.reservation_id, "pay", 2 * PRICE, ""))
        assert isinstance(await hasty.submit(ConfirmPayment(hold.reservation_id, "pay")), Paid)
        some = RefundSome(hold.reservation_id, "some", True, [(TICKET, 1)])
        async with Engine(replace(engine.settings, booking_expires_ms=SOON_MS)) as patient:
            assert isinstance(await patient.submit(some), RefundDue)
        await until(engine, starts_ms + 2)
        first = await hasty.purge_slots(partition)
        assert (first.slots, await engine.redis.zcard(engine.partition_keys(EVENT).purges)) == (1, 1)
        assert await hasty.submit(hold_of(SLOT)) == LimitExceeded(1, 1), "it counts"
        await until(engine, starts_ms + SOON_MS + 1)
        assert (await hasty.purge_slots(partition)).slots == 1
        assert isinstance(await hasty.submit(hold_of(SLOT)), Held)


async def test_a_purchase_without_its_slot_stops_no_partition(engine: Engine) -> None:
    """Earlier releases left such: they go when it is time."""
    await publish(engine, limit=1)
    keys = engine.partition_keys(EVENT)
    async with Engine(replace(engine.settings, booking_expires_ms=SOON_MS)) as patient:
        starts_ms = await server_time_ms(engine.redis, keys) + SOON_MS
        await bought(patient, starts_ms)
        slot = f"{EVENT}/{slot_pool(slot_of(starts_ms))}"
        await engine.redis.execute_command("ZADD", keys.slots, starts_ms + 1, slot)
        await until(engine, starts_ms + 1)
        assert (await patient.purge_slots(keys.partition)).slots == 1
        assert await engine.redis.zcard(keys.purges) == 1
        await patient.purge_slots(keys.partition)
        await until(engine, starts_ms + SOON_MS)
        await patient.purge_slots(keys.partition)
        assert await engine.redis.zcard(keys.purges) == 0
        assert isinstance(await patient.submit(hold_of(SLOT)), Held)


async def test_kept_places_of_a_purged_slot_leave_their_code_when_they_are_restocked(engine: Engine) -> None:
    await publish(engine)
    half = CodeTerms(CodeKind.DISCOUNT, form=DiscountForm.PERCENT, amount=50)
    await engine.submit(PutCodes(EVENT, half, ["HALF"]))
    async with Engine(replace(engine.settings, booking_expires_ms=1)) as hasty:
        starts_ms = await server_time_ms(engine.redis, engine.partition_keys(EVENT)) + SOON_MS
        hold = replace(hold_of(starts_ms), code="HALF")
        assert isinstance(await hasty.submit(hold), Held)
        await hasty.submit(BeginPayment(hold.reservation_id, "pay", PRICE // 2, ""))
        assert isinstance(await hasty.submit(ConfirmPayment(hold.reservation_id, "pay")), Paid)
        assert isinstance(await hasty.submit(Refund(hold.reservation_id, restock=False)), RefundDue)
        assert (await engine.submit(CountCodes(EVENT, ["HALF"]))).codes[0].kept == 1
        await until(engine, starts_ms + 1)
        await hasty.purge_slots(engine.partition_keys(EVENT).partition)
        assert isinstance(await hasty.submit(Restock(hold.reservation_id)), Restocked)
    assert (await engine.submit(CountCodes(EVENT, ["HALF"]))).codes[0].kept == 0
