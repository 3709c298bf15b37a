"""The audit checks that charges less refunds are what is sold, in Postgres and at the gateway."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

import sync.audit.audit
from cli.gateway.app import create_gateway_app
from engine.commands.exchanges import Exchange
from engine.commands.items import ANY_TOTAL, items_text
from engine.commands.refunds import RefundSome
from engine.settings import Settings
from payments.gateway import HttpGateway
from payments.payments import Payments
from sync.audit.audit import audit
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice, running
from tests.support.waiting import wait_until


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def shop(settings: Settings, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    monkeypatch.setattr(sync.audit.audit, "_PATIENCE_SECONDS", 0.05)
    async with TestServer(create_gateway_app(ledger, settle_after_ms=1)) as server:
        yield replace(settings, gateway_url=str(server.make_url("/")))


@pytest.fixture
async def bought(office: BoxOffice, shop: Settings) -> str:
    """A reservation that was exchanged for more, for less, and refunded in part, all in Postgres and at the gateway."""
    rid = await office.hold(2)
    attempt_id = await office.begin(rid)
    async with ClientSession() as session:
        gateway = HttpGateway(session, shop.gateway_url, 5)
        payments = Payments(office.engine, gateway)
        await gateway.charge(attempt_id, 2 * PRICE_MINOR, "EUR", "tok_visa")
        await payments.confirm(rid, attempt_id)
        for name, places in (("more", 4), ("less", 3)):
            wish = items_text([(office.ticket_id, places)])
            exchange = Exchange(rid, f"pay-{name}", wish, ANY_TOTAL, may_charge=True, over_limit=False, digest="")
            await payments.exchange(exchange, "tok_visa")
        await payments.refund(RefundSome(rid, "refund-some", True, [(office.ticket_id, 1)], 1000))
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    return rid


async def test_all_adds_up(office: BoxOffice, shop: Settings, bought: str) -> None:
    assert (await office.record(bought)).total_minor == 2 * PRICE_MINOR
    assert await audit(shop, asks_gateway=True) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE payments SET amount_minor = amount_minor + 1 WHERE id = 'pay-more'", "was charged, it has places for"),
        ("UPDATE refunds SET worth_minor = worth_minor - 1 WHERE id = 'refund-some'", "was charged, it has places for"),
        ("UPDATE refunds SET amount_minor = amount_minor + 99999 WHERE id = 'refund-some'", "more goes back"),
        ("UPDATE payments SET reason = 'late' WHERE id = 'pay-more'", "came late"),
        (
            "INSERT INTO event_cancellations (event_id, refunds_begun_at) SELECT event_id, now() FROM reservations",
            "everybody of a cancelled event is refunded",
        ),
    ],
)
async def test_money_that_does_not_add_up_is_named(
    office: BoxOffice, shop: Settings, bought: str, damage: str, said: str
) -> None:
    await office.sql(damage)
    assert any(breach.startswith("money:") and said in breach for breach in await audit(shop))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE charges SET amount = amount + 1 WHERE id = 'pay-more'", "charge pay-more is"),
        ("UPDATE charges SET state = 'failed' WHERE id = 'pay-more'", "charge pay-more is Failed there"),
        ("UPDATE refunds SET amount = amount - 1 WHERE id = 'refund-some'", "refund refund-some of"),
        ("DELETE FROM refunds WHERE id = 'refund-some'", "has no refund refund-some"),
    ],
)
@pytest.mark.usefixtures("bought")
async def test_another_charge_at_the_gateway_is_named(shop: Settings, ledger: Path, damage: str, said: str) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute(damage)
    db.close()
    (breach,) = await audit(shop, asks_gateway=True)
    assert breach.startswith("gateway:")
    assert said in breach
