"""Payments from hold to paid, with a real engine and a gateway over HTTP."""

import asyncio

import aiohttp
import msgspec
import pytest
from typing_extensions import override

from engine.client import Redis
from engine.engine import Engine
from engine.errors import Fault
from engine.inspection import server_time_ms
from engine.results.payments import AmountMismatch, Paid, Paying, PaymentFailed
from engine.results.reservations import NotFound, PaymentInProgress
from engine.settings import Settings
from engine.stock import TicketCounts
from engine.words import FailureReason, State
from payments.gateway import ChargeOutcome, HttpGateway
from payments.payments import Payments
from tests.support.payments.shop import LONG_PIN_MS, PRICE_MINOR, TIMEOUT_SECONDS, Shop
from tests.support.waiting import wait_until


async def test_a_token_that_pays_sells_the_places(shop: Shop) -> None:
    await shop.open()
    reservation_id = await shop.hold(2)
    begin = shop.begin(reservation_id, quantity=2)
    async with shop.payments() as payments:
        result = await payments.pay(begin, "tok_visa")
    assert isinstance(result, Paid)
    assert result.record.state is State.PAID
    assert shop.money() == {begin.attempt_id: "kept"}
    assert await shop.counts() == TicketCounts(7, capacity=10, available=8, held=0, paying=0, sold=2, kept=0)


@pytest.mark.parametrize(
    ("token", "reason"),
    [("card_error", FailureReason.CARD_DECLINED), ("payment_error", FailureReason.PAYMENT_FAILED)],
)
async def test_a_token_that_fails_leaves_the_hold_and_another_attempt_can_pay(
    shop: Shop, token: str, reason: FailureReason
) -> None:
    await shop.open()
    reservation_id = await shop.hold()
    async with shop.payments() as payments:
        failed = await payments.pay(shop.begin(reservation_id), token)
        assert isinstance(failed, PaymentFailed)
        assert failed.record.state is State.HELD
        assert failed.record.attempts[0].reason == reason
        assert shop.money() == {}
        assert isinstance(await payments.pay(shop.begin(reservation_id), "tok_visa"), Paid)


async def test_refusals_of_the_engine_are_answered_and_charge_nothing(shop: Shop) -> None:
    await shop.open()
    reservation_id = await shop.hold()
    async with shop.payments() as payments:
        assert await payments.pay(shop.begin(reservation_id, quantity=2), "tok_visa") == AmountMismatch(
            PRICE_MINOR, "EUR"
        )
        assert await payments.pay(shop.begin("1-aaaaaaaaaaaaaaaa"), "tok_visa") == NotFound()
    assert shop.money() == {}


async def test_a_repeat_charges_once_and_answers_the_same(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments() as payments:
        first = await payments.pay(begin, "tok_visa")
        again = await payments.pay(begin, "tok_visa")
    assert isinstance(first, Paid)
    assert isinstance(again, Paid)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.record == first.record
    assert shop.money() == {begin.attempt_id: "kept"}


async def test_the_same_attempt_many_times_at_once_charges_once(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments() as payments:
        results = await asyncio.gather(*(payments.pay(begin, "tok_visa") for _ in range(20)))
    assert {type(result) for result in results} == {Paid}
    assert shop.money() == {begin.attempt_id: "kept"}


async def test_many_attempts_at_once_charge_once(shop: Shop) -> None:
    await shop.open()
    reservation_id = await shop.hold()
    async with shop.payments() as payments:
        results = await asyncio.gather(*(payments.pay(shop.begin(reservation_id), "tok_visa") for _ in range(50)))
    assert {type(result) for result in results} <= {Paid, PaymentInProgress}
    assert len(shop.money()) == 1


async def test_an_unknown_outcome_pins_the_places_and_a_repeat_learns_it(shop: Shop) -> None:
    shop.gateway_seconds = TIMEOUT_SECONDS
    await shop.open(hold_ms=500)
    begin = shop.begin(await shop.hold())
    async with shop.payments() as payments:
        assert isinstance(await payments.pay(begin, "timeout"), Paying)
        assert (await shop.counts()).paying == 1
        deadline_ms = (await shop.find(begin.reservation_id)).deadline_ms

        async def ran_out() -> bool:
            return await server_time_ms(shop.engine.redis) > deadline_ms

        await wait_until(ran_out, what="the deadline of the hold has passed")

        async def paid() -> bool:
            return isinstance(await payments.pay(begin, "timeout"), Paid)

        await wait_until(paid)
    record = await shop.find(begin.reservation_id)
    assert record.ended_ms > record.deadline_ms, "paid after the hold would have expired"
    assert shop.money() == {begin.attempt_id: "kept"}


async def test_an_answer_that_is_lost_is_found_again(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments(answers_after=1) as payments:
        assert isinstance(await payments.pay(begin, "tok_visa"), Paying)
    assert shop.money() == {begin.attempt_id: "kept"}
    async with shop.payments() as payments:
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
    assert (await shop.find(begin.reservation_id)).state is State.PAID
    assert len(shop.money()) == 1


async def test_a_gateway_that_is_down_leaves_it_paying_and_a_repeat_pays(shop: Shop) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    async with shop.payments_without_gateway() as payments:
        assert isinstance(await payments.pay(begin, "tok_visa"), Paying)
    async with shop.payments() as payments:
        assert isinstance(await payments.pay(begin, "tok_visa"), Paid)
    assert shop.money() == {begin.attempt_id: "kept"}


class RedisGoesAfterCharge(HttpGateway):
    """Charges, and while the answer is on its way Redis stops to answer."""

    redis: Redis

    @override
    async def charge(self, attempt_id: str, amount_minor: int, currency: str, payment_token: str) -> ChargeOutcome:
        outcome = await super().charge(attempt_id, amount_minor, currency, payment_token)
        await self.redis.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        return outcome


async def test_money_taken_while_redis_goes_away_is_a_ticket_when_it_returns(
    shop: Shop, engine_settings: Settings
) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    impatient = msgspec.structs.replace(engine_settings, command_timeout_ms=300)
    async with (
        shop.gateway_open() as server,
        aiohttp.ClientSession() as session,
        Engine(impatient) as engine,
    ):
        gateway = RedisGoesAfterCharge(session, str(server.make_url("/")), TIMEOUT_SECONDS)
        gateway.redis = shop.engine.redis
        payments = Payments(engine, gateway)
        try:
            with pytest.raises(Fault):
                await payments.pay(begin, "tok_visa")
        finally:
            await shop.engine.redis.execute_command("CLIENT", "UNPAUSE")
        assert (await shop.find(begin.reservation_id)).state is State.PAYING
        assert await payments.settle(begin.reservation_id, pin_ms=LONG_PIN_MS)
    assert (await shop.find(begin.reservation_id)).state is State.PAID
    assert shop.money() == {begin.attempt_id: "kept"}
