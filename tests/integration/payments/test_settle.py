"""The work of `settle` on payments and refunds that stopped half way."""

import asyncio

import pytest
from msgspec.structs import replace

from engine.commands.payments import BeginPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome
from engine.currencies import FIRST_CURRENCY
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.refunds import NotPaid, RefundDue, Refunded
from engine.stock import TicketCounts
from engine.words import AttemptState, FailureReason, State
from payments.gateway import Completed, Failed
from tests.support.payments.shop import LONG_PIN_MS, PRICE_MINOR, TIMEOUT_SECONDS, Shop
from tests.support.waiting import wait_until


async def test_an_attempt_that_was_never_asked_for_is_voided_and_fails(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    assert isinstance(await shop.engine.submit(begin), Paying)
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
        assert (await shop.find(begin.reservation_id)).state is State.HELD
        straggler = await gateway.charge(begin.attempt_id, PRICE_MINOR, FIRST_CURRENCY, "tok_visa")
        assert straggler == Failed(FailureReason.PAYMENT_FAILED)
        assert isinstance(await payments.pay(begin, "tok_visa"), PaymentFailed)
    assert shop.money() == {}


async def test_without_the_void_a_straggling_charge_takes_money_for_nothing(shop: Shop) -> None:
    """The negative control of the test above: why NeverSeen alone must not fail an attempt."""
    await shop.open()
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        failed = await shop.engine.submit(FailPayment(begin.reservation_id, begin.attempt_id, "payment_failed"))
        assert isinstance(failed, PaymentFailed)
        assert await gateway.charge(begin.attempt_id, PRICE_MINOR, FIRST_CURRENCY, "tok_visa") == Completed(
            PRICE_MINOR, FIRST_CURRENCY
        )
    assert (await shop.find(begin.reservation_id)).state is State.HELD
    assert shop.money() == {begin.attempt_id: "kept"}


async def test_a_failed_attempt_past_the_deadline_gives_the_places_back(shop: Shop) -> None:
    await shop.open(hold_ms=100)
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    await shop.until_deadline(begin.reservation_id)
    assert (await shop.counts()).paying == 1, "pinned, though the hold would have expired"
    async with shop.payments() as payments:
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
    assert await shop.counts() == TicketCounts(7, capacity=10, available=10, held=0, paying=0, sold=0, kept=0)


async def test_an_outcome_that_stays_unknown_keeps_the_pin_until_it_is_known(shop: Shop) -> None:
    shop.gateway_seconds = TIMEOUT_SECONDS
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments() as payments:
        await payments.pay(begin, "timeout")
        assert not await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
        assert (await shop.find(begin.reservation_id)).state is State.PAYING
        await wait_until(lambda: payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS))
    assert (await shop.find(begin.reservation_id)).state is State.PAID


async def test_a_gateway_that_is_down_keeps_the_pin_also_past_its_end(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments_without_gateway() as payments:
        await payments.pay(begin, "tok_visa")
        assert not await payments.settle(begin.reservation_id, pin_ms=0)
    assert (await shop.find(begin.reservation_id)).state is State.PAYING


async def test_an_unknown_payment_is_voided_past_the_pin(shop: Shop) -> None:
    shop.settle_after_ms = 3_600_000
    shop.gateway_seconds = TIMEOUT_SECONDS
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments() as payments:
        await payments.pay(begin, "timeout")
        assert await payments.settle(begin.reservation_id, pin_ms=0)
    record = await shop.find(begin.reservation_id)
    assert (record.state, record.attempts[0].reason) == (State.HELD, FailureReason.PAYMENT_FAILED)


async def test_a_charged_payment_is_paid_past_the_pin(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments(answers_after=1) as payments:
        await payments.pay(begin, "tok_visa")
    async with shop.payments() as payments:
        assert await payments.settle(begin.reservation_id, pin_ms=0)
    assert (await shop.find(begin.reservation_id)).state is State.PAID


async def test_two_that_settle_the_same_do_it_once(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments(answers_after=1) as payments:
        await payments.pay(begin, "tok_visa")
    async with shop.payments() as payments:
        settles = (payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS) for _ in range(2))
        assert await asyncio.gather(*settles) == [True, True]
        assert await shop.facts() == ["held", "paying", "paid"]
        await shop.engine.submit(Refund(begin.reservation_id, restock=True))
        settles = (payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS) for _ in range(2))
        assert await asyncio.gather(*settles) == [True, True]
    assert await shop.facts() == ["held", "paying", "paid", "refund_due", "refunded"]
    assert shop.money() == {begin.attempt_id: "refunded"}


async def test_a_late_success_takes_free_places_again(shop: Shop) -> None:
    await shop.open(hold_ms=100)
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    await shop.until_deadline(begin.reservation_id)
    async with shop.payments() as payments:
        await payments.fail(begin.reservation_id, begin.attempt_id, FailureReason.PAYMENT_FAILED)
        assert (await shop.find(begin.reservation_id)).state is State.EXPIRED
        assert isinstance(await payments.confirm(begin.reservation_id, begin.attempt_id), Paid)
    assert await shop.counts() == TicketCounts(7, capacity=10, available=9, held=0, paying=0, sold=1, kept=0)


async def test_a_late_success_without_places_is_refunded(shop: Shop) -> None:
    await shop.open(capacity=1, hold_ms=100)
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    await shop.until_deadline(begin.reservation_id)
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        await payments.fail(begin.reservation_id, begin.attempt_id, FailureReason.PAYMENT_FAILED)
        await shop.hold(customer_id="c2")
        assert await gateway.charge(begin.attempt_id, PRICE_MINOR, FIRST_CURRENCY, "tok_visa") == Completed(
            PRICE_MINOR, FIRST_CURRENCY
        )
        assert isinstance(await payments.confirm(begin.reservation_id, begin.attempt_id), RefundDue)
        assert shop.money() == {begin.attempt_id: "kept"}
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
        assert isinstance(await payments.pay(begin, "tok_visa"), RefundDue), "a repeat says so again"
    assert (await shop.find(begin.reservation_id)).state is State.REFUNDED
    assert shop.money() == {begin.attempt_id: "refunded"}


async def test_a_second_attempt_beside_a_late_success_is_not_charged(shop: Shop) -> None:
    await shop.open()
    reservation_id = await shop.hold()
    first, second = shop.begin(reservation_id), shop.begin(reservation_id)
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        await shop.engine.submit(first)
        await payments.fail(reservation_id, first.attempt_id, FailureReason.PAYMENT_FAILED)
        await shop.engine.submit(second)
        await gateway.charge(first.attempt_id, PRICE_MINOR, FIRST_CURRENCY, "tok_visa")
        assert isinstance(await payments.confirm(reservation_id, first.attempt_id), Paid)
        failed = await payments.pay(second, "tok_visa")
        assert isinstance(failed, PaymentFailed)
        assert failed.record.state is State.PAID
    assert shop.money() == {first.attempt_id: "kept"}


async def test_a_second_attempt_that_was_charged_beside_a_late_success_is_refunded(shop: Shop) -> None:
    await shop.open()
    reservation_id = await shop.hold()
    first, second = shop.begin(reservation_id), shop.begin(reservation_id)
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        await shop.engine.submit(first)
        await payments.fail(reservation_id, first.attempt_id, FailureReason.PAYMENT_FAILED)
        await shop.engine.submit(second)
        for attempt in (first, second):
            await gateway.charge(attempt.attempt_id, PRICE_MINOR, FIRST_CURRENCY, "tok_visa")
        await payments.confirm(reservation_id, first.attempt_id)
        assert await payments.settle(reservation_id, pin_ms=LONG_PIN_MS)
    record = await shop.find(reservation_id)
    assert record.state is State.PAID
    assert [attempt.state for attempt in record.attempts] == [AttemptState.COMPLETED, AttemptState.REFUNDED]
    assert shop.money() == {first.attempt_id: "kept", second.attempt_id: "refunded"}


async def test_a_refund_gives_the_money_back_once(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    refund = Refund(begin.reservation_id, restock=True)
    async with shop.payments() as payments:
        assert await payments.refund(refund) == NotPaid("held")
        await payments.pay(begin, "tok_visa")
        first = await payments.refund(refund)
        again = await payments.refund(refund)
    assert isinstance(first, Refunded)
    assert isinstance(again, Refunded)
    assert again.replayed
    assert again.record == first.record
    assert shop.money() == {begin.attempt_id: "refunded"}
    assert await shop.counts() == TicketCounts(7, capacity=10, available=10, held=0, paying=0, sold=0, kept=0)


async def test_a_refund_that_leaves_what_is_kept_does_so_again(shop: Shop) -> None:
    """Of a part that was refunded before, a manager has kept the place off sale."""
    await shop.open()
    begin = replace(shop.begin(await shop.hold(2)), amount_minor=2 * PRICE_MINOR)
    async with shop.payments() as payments:
        await payments.pay(begin, "tok_visa")
        rid = begin.reservation_id
        await payments.refund(RefundSome(rid, f"refund-{rid}", False, [(7, 1)]))
        for _ in range(2):
            assert isinstance(await payments.refund(Refund(rid, restock=True, leaves_kept=True)), Refunded)
            assert await shop.counts() == TicketCounts(7, capacity=10, available=9, held=0, paying=0, sold=0, kept=1)
        assert isinstance(await payments.refund(Refund(rid, restock=True)), Refunded)
        assert (await shop.counts()).kept == 0


@pytest.mark.parametrize("answers_after", [0, 1])
async def test_a_refund_is_owed_until_the_gateway_has_given_it(shop: Shop, answers_after: float) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    refund = Refund(begin.reservation_id, restock=False)
    async with shop.payments() as payments:
        await payments.pay(begin, "tok_visa")
    if answers_after:
        async with shop.payments(answers_after=answers_after) as payments:
            assert isinstance(await payments.refund(refund), RefundDue), "refunded, but the answer is lost"
    else:
        async with shop.payments_without_gateway() as payments:
            assert isinstance(await payments.refund(refund), RefundDue)
            assert not await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
    async with shop.payments() as payments:
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
        assert isinstance(await payments.refund(refund), Refunded)
    assert (await shop.find(begin.reservation_id)).state is State.REFUNDED
    assert shop.money() == {begin.attempt_id: "refunded"}
    counts = await shop.counts()
    assert (counts.sold, counts.kept) == (0, 1), "not put on sale again"


async def test_an_unknown_reservation_has_nothing_to_settle(shop: Shop) -> None:
    async with shop.payments() as payments:
        assert await payments.settle("1-aaaaaaaaaaaaaaaa", pin_ms=LONG_PIN_MS)


async def test_free_places_are_paid_and_refunded_without_a_gateway(shop: Shop) -> None:
    await shop.open(price_minor=0)
    paid = BeginPayment(await shop.hold(), "pay-first", 0, "digest")
    half_way = BeginPayment(await shop.hold(), "pay-second", 0, "digest")
    await shop.engine.submit(half_way)
    async with shop.payments() as payments:
        assert isinstance(await payments.pay(paid, "tok_visa"), Paid)
        assert await payments.settle(half_way.reservation_id, pin_ms=LONG_PIN_MS)
        assert (await shop.find(half_way.reservation_id)).state is State.PAID
        assert isinstance(await payments.refund(Refund(paid.reservation_id, True)), Refunded)
    assert shop.money() == {}
