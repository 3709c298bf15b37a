"""The simulated gateway, asked over HTTP as the API asks it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli.gateway.app import create_gateway_app
from engine.words import FailureReason
from payments.gateway import (
    ChargeRefund,
    Completed,
    Failed,
    GivenBack,
    HttpGateway,
    NeverSeen,
    RefundView,
    Refused,
    Unknown,
    is_simulated,
)
from tests.support.waiting import wait_until

SETTLE_AFTER_MS = 1000
COMPLETED = Completed(500, "EUR")
TIMEOUT_SECONDS = 0.5


@asynccontextmanager
async def serving(
    data_file: Path, settle_after_ms: int = SETTLE_AFTER_MS, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[HttpGateway]:
    app = create_gateway_app(data_file, settle_after_ms=settle_after_ms)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield HttpGateway(session, str(server.make_url("/")), timeout_seconds)


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def gateway(data_file: Path) -> AsyncIterator[HttpGateway]:
    async with serving(data_file) as gateway:
        yield gateway


def charged(data_file: Path) -> list[tuple[str, int]]:
    """The money that the ledger says was taken, by charge."""
    with sqlite3.connect(data_file) as db:
        rows = db.execute("SELECT id, amount FROM charges WHERE state = 'completed' ORDER BY id").fetchall()
    db.close()
    return [(str(charge_id), int(amount)) for charge_id, amount in rows]


@pytest.mark.parametrize(
    ("token", "outcome"),
    [
        ("tok_visa", COMPLETED),
        ("card_error", Failed(FailureReason.CARD_DECLINED)),
        ("payment_error", Failed(FailureReason.PAYMENT_FAILED)),
        ("timeout", Unknown()),
    ],
)
async def test_the_token_decides_and_the_status_says_the_same(
    gateway: HttpGateway, token: str, outcome: Completed | Failed | Unknown
) -> None:
    assert await gateway.status("pay-1") == NeverSeen()
    assert await gateway.charge("pay-1", 500, "EUR", token) == outcome
    assert await gateway.charge("pay-1", 500, "EUR", token) == outcome
    assert await gateway.status("pay-1") == outcome


async def test_an_attempt_charges_once_however_often_it_is_asked_for(data_file: Path) -> None:
    async with serving(data_file, timeout_seconds=30) as gateway:
        outcomes = await asyncio.gather(*(gateway.charge("pay-1", 500, "EUR", "tok_visa") for _ in range(30)))
    assert set(outcomes) == {COMPLETED}
    assert charged(data_file) == [("pay-1", 500)]


async def test_a_repeat_with_another_amount_is_not_taken_for_an_outcome(gateway: HttpGateway, data_file: Path) -> None:
    await gateway.charge("pay-1", 500, "EUR", "tok_visa")
    assert await gateway.charge("pay-1", 501, "EUR", "tok_visa") == Unknown()
    assert charged(data_file) == [("pay-1", 500)]


async def test_a_repeat_with_another_token_has_the_first_outcome(gateway: HttpGateway, data_file: Path) -> None:
    await gateway.charge("pay-1", 500, "EUR", "card_error")
    assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Failed(FailureReason.CARD_DECLINED)
    assert charged(data_file) == []


async def test_a_timeout_completes_after_a_while(gateway: HttpGateway) -> None:
    assert await gateway.charge("pay-1", 500, "EUR", "timeout") == Unknown()

    async def completed() -> bool:
        return await gateway.status("pay-1") == COMPLETED

    assert not await completed()
    await wait_until(completed)


async def test_a_timeout_completes_also_when_the_gateway_was_restarted(data_file: Path) -> None:
    async with serving(data_file) as gateway:
        await gateway.charge("pay-1", 500, "EUR", "timeout")
    async with serving(data_file, settle_after_ms=3_600_000) as gateway:

        async def completed() -> bool:
            return await gateway.status("pay-1") == COMPLETED

        await wait_until(completed)


async def test_a_voided_payment_is_never_charged(gateway: HttpGateway, data_file: Path) -> None:
    assert await gateway.void("pay-1") == Failed(FailureReason.PAYMENT_FAILED)
    assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Failed(FailureReason.PAYMENT_FAILED)
    assert await gateway.void("pay-1") == Failed(FailureReason.PAYMENT_FAILED)
    assert charged(data_file) == []


async def test_a_pending_charge_can_be_voided_and_then_never_completes(data_file: Path) -> None:
    async with serving(data_file, settle_after_ms=3_600_000) as gateway:
        await gateway.charge("pay-1", 500, "EUR", "timeout")
        assert await gateway.void("pay-1") == Failed(FailureReason.PAYMENT_FAILED)
    with sqlite3.connect(data_file) as db:
        db.execute("UPDATE charges SET settles_ms = 0")
    db.close()
    async with serving(data_file) as gateway:
        assert await gateway.status("pay-1") == Failed(FailureReason.PAYMENT_FAILED)


async def test_a_void_that_comes_after_a_charge_was_due_is_too_late(data_file: Path) -> None:
    async with serving(data_file, settle_after_ms=0) as gateway:
        await gateway.charge("pay-1", 500, "EUR", "timeout")
        assert await gateway.void("pay-1") == COMPLETED
        assert await gateway.status("pay-1") == COMPLETED


async def test_charged_or_declined_payments_cannot_be_voided(gateway: HttpGateway) -> None:
    await gateway.charge("pay-1", 500, "EUR", "tok_visa")
    await gateway.charge("pay-2", 500, "EUR", "card_error")
    assert await gateway.void("pay-1") == COMPLETED
    assert await gateway.void("pay-2") == Failed(FailureReason.CARD_DECLINED)


async def test_a_charge_racing_a_void_ends_one_way(gateway: HttpGateway, data_file: Path) -> None:
    for n in range(20):
        charge, void = await asyncio.gather(gateway.charge(f"pay-{n}", 5, "EUR", "tok_visa"), gateway.void(f"pay-{n}"))
        assert charge == void == await gateway.status(f"pay-{n}")
        assert ((f"pay-{n}", 5) in charged(data_file)) == (charge == Completed(5, "EUR"))


def back(amount: int, refund_id: str = "1-a") -> ChargeRefund:
    return ChargeRefund(id=refund_id, amount=amount)


def returned(data_file: Path) -> list[tuple[str, str, int]]:
    """The refunds of the ledger: charge, refund, amount."""
    with sqlite3.connect(data_file) as db:
        rows = db.execute("SELECT charge_id, id, amount FROM refunds ORDER BY charge_id, id").fetchall()
    db.close()
    return [(str(charge_id), str(refund_id), int(amount)) for charge_id, refund_id, amount in rows]


async def test_a_refund_is_given_once_and_never_more_than_was_taken(gateway: HttpGateway, data_file: Path) -> None:
    await gateway.charge("pay-1", 500, "EUR", "tok_visa")
    assert await gateway.refund("pay-1", back(501)) == Refused()
    for _ in range(2):
        assert await gateway.refund("pay-1", back(300)) == GivenBack()
    assert await gateway.refund("pay-1", back(200)) == Refused(), "the same refund with another amount"
    assert await gateway.refund("pay-1", back(201, "1-b")) == Refused()
    assert await gateway.refund("pay-1", back(200, "1-b")) == GivenBack()
    assert returned(data_file) == [("pay-1", "1-a", 300), ("pay-1", "1-b", 200)]


async def test_a_charge_tells_its_amount_its_currency_and_all_its_refunds(gateway: HttpGateway) -> None:
    assert await gateway.charge("pay-1", 500, "KWD", "tok_visa") == Completed(500, "KWD")
    await gateway.refund("pay-1", back(300))
    await gateway.refund("pay-1", back(50, "made on the page"))
    refunds = (RefundView("1-a", 300), RefundView("made on the page", 50))
    assert await gateway.status("pay-1") == Completed(500, "KWD", refunds)


async def test_refunds_need_a_charge(gateway: HttpGateway, data_file: Path) -> None:
    await gateway.charge("pay-1", 500, "EUR", "card_error")
    assert await gateway.refund("pay-1", back(500)) == Refused()
    assert await gateway.refund("pay-2", back(500)) == Refused(), "there is no such charge"
    assert returned(data_file) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"id": "pay-1"}', 400),
        (b'{"id": "pay-1", "amount": 1.5, "currency": "EUR", "payment_token": "tok_visa"}', 400),
        (b'{"id": "pay-1", "amount": 5, "currency": "EUR", "payment_token": "tok_visa", "tip": 1}', 400),
        (b'{"id": "pay-1", "amount": -1, "currency": "EUR", "payment_token": "tok_visa"}', 400),
        (b'{"id": "pay-1", "amount": 5, "currency": "usd", "payment_token": "tok_visa"}', 400),
        (b'{"id": "pay-1", "amount": 9223372036854775808, "currency": "EUR", "payment_token": "tok_visa"}', 400),
    ],
)
async def test_a_charge_that_makes_no_sense_is_refused(data_file: Path, body: bytes, status: int) -> None:
    async with TestServer(create_gateway_app(data_file)) as server, aiohttp.ClientSession() as session:
        async with session.post(server.make_url("/charges"), data=body) as response:
            assert response.status == status
        assert charged(data_file) == []


@pytest.mark.parametrize(
    ("token", "answer", "truth"),
    [
        ("answer_late", Unknown(), COMPLETED),
        ("answer_lost", Unknown(), COMPLETED),
        ("answer_twice", COMPLETED, COMPLETED),
        ("answer_never", Unknown(), Unknown()),
    ],
)
async def test_a_token_decides_how_a_charge_is_answered(
    gateway: HttpGateway, data_file: Path, token: str, answer: Completed | Unknown, truth: Completed | Unknown
) -> None:
    assert await gateway.charge("pay-1", 500, "EUR", token) == answer
    assert await gateway.status("pay-1") == truth
    assert charged(data_file) == ([("pay-1", 500)] if truth == COMPLETED else [])


async def test_a_second_answer_is_not_taken_for_that_to_another_question(gateway: HttpGateway) -> None:
    for number in range(5):
        assert await gateway.charge(f"pay-{number}", 500, "EUR", "answer_twice") == COMPLETED
        declined = await gateway.charge(f"no-{number}", 500, "EUR", "card_error")
        assert declined in (Failed(FailureReason.CARD_DECLINED), Unknown())


DONE = {"late", "lost", "twice"}


@pytest.mark.parametrize("mode", ["late", "lost", "twice", "never", "broken"])
async def test_a_running_gateway_changes_its_response_mode(data_file: Path, mode: str) -> None:
    app = create_gateway_app(data_file, answer_late_ms=3000)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        gateway = HttpGateway(session, str(server.make_url("/")), TIMEOUT_SECONDS)
        await gateway.charge("pay-1", 500, "EUR", "tok_visa")
        plan = {"mode": mode, "calls": ["refund", "charge"], "times": 2}
        async with session.put(server.make_url("/faults"), json=plan) as told:
            assert told.status == 204
        answered = GivenBack() if mode == "twice" else Unknown()
        assert await gateway.status("pay-1") == COMPLETED, "another call is answered as ever"
        assert await gateway.refund("pay-1", back(500)) == answered
        assert returned(data_file) == ([("pay-1", "1-a", 500)] if mode in DONE else [])
        await gateway.charge("pay-2", 500, "EUR", "tok_visa")
        assert await gateway.refund("pay-1", back(500)) == GivenBack(), "two times, and no more"


async def test_it_says_that_it_is_simulated_and_others_do_not(data_file: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with TestServer(create_gateway_app(data_file)) as server:
            url = str(server.make_url("/"))
            assert await is_simulated(session, url, 5)
        assert not await is_simulated(session, url, 1), "it is gone"
        async with TestServer(web.Application()) as other:
            assert not await is_simulated(session, str(other.make_url("/")), 5)
