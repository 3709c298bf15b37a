"""The ledger of the simulated gateway: works that are committed together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.gateway.ledger import ChargeConflictError, Ledger
from payments.gateway import Charge, ChargeRefund, RefundView


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.db", settle_after_ms=1000)
    ledger.together([lambda book: book.charge(Charge("pay-1", 500, "EUR", "tok_visa"))])
    yield ledger
    ledger.close()


def test_a_work_that_raises_undoes_nothing_of_its_neighbours(ledger: Ledger) -> None:
    _, unknown, _, too_much, found = ledger.together(
        [
            lambda book: book.refund("pay-1", ChargeRefund("a", 200)),
            lambda book: book.find("pay-2"),
            lambda book: book.refund("pay-1", ChargeRefund("b", 300)),
            lambda book: book.refund("pay-1", ChargeRefund("c", 1)),
            lambda book: book.find("pay-1"),
        ]
    )
    assert isinstance(unknown, KeyError)
    assert isinstance(too_much, ChargeConflictError)
    assert found.refunds == (RefundView("a", 200), RefundView("b", 300))


def test_a_bug_undoes_all_of_the_group(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError):
        ledger.together([lambda book: book.refund("pay-1", ChargeRefund("a", 200)), lambda _: 1 // 0])
    (found,) = ledger.together([lambda book: book.find("pay-1")])
    assert found.refunds == ()
