"""The ledger of the simulated gateway: what was charged, voided and refunded, in a SQLite file.

Everything is on disk before it is answered, so killing the process loses none of it.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.words import FailureReason
from payments.gateway import Charge, ChargeRefund, ChargeState, ChargeView, RefundView

_FOR_EVER_MS = 2**62

_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    id            TEXT PRIMARY KEY,
    amount        INTEGER,           -- minor units; NULL: voided before it was ever asked for
    currency      TEXT,
    payment_token TEXT,
    state         TEXT NOT NULL,
    reason        TEXT,
    settles_ms    INTEGER NOT NULL   -- when a pending charge completes, ms since 1970
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refunds (
    charge_id     TEXT NOT NULL REFERENCES charges,
    id            TEXT NOT NULL,
    amount        INTEGER NOT NULL,  -- minor units
    PRIMARY KEY (charge_id, id)
) STRICT, WITHOUT ROWID;
"""


class ChargeConflictError(Exception):
    """The charge or refund is there with another amount, or there is not so much to be refunded."""


class Ledger:
    """The charges and refunds. Its methods block; what they did is on disk when `together` returns."""

    def __init__(self, data_file: Path, settle_after_ms: int) -> None:
        self._settle_after_ms = settle_after_ms
        self._db = sqlite3.connect(data_file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def together(self, works: Sequence[Callable[["Ledger"], Any]]) -> list[Any]:
        """Does works in one transaction. Of each its value, or what it raised: then it has done nothing."""
        with self._transaction():
            return [self._outcome(work) for work in works]

    def _outcome(self, work: Callable[["Ledger"], Any]) -> Any:
        self._db.execute("SAVEPOINT work")
        try:
            outcome = work(self)
        except (KeyError, ChargeConflictError) as error:
            self._db.execute("ROLLBACK TO work")
            outcome = error
        self._db.execute("RELEASE work")
        return outcome

    def charge(self, charge: Charge) -> tuple[ChargeView, bool]:
        """Charges once per id; returns the charge, and whether it is new. Raises ChargeConflictError."""
        state, reason = _verdict(charge.payment_token)
        settles_ms = _now_ms() + self._settle_after_ms
        if charge.payment_token == "answer_never":  # noqa: S105  # a word, no secret
            settles_ms = _FOR_EVER_MS
        added = self._db.execute(
            "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (charge.id, charge.amount, charge.currency, charge.payment_token, state, reason, settles_ms),
        )
        view = self._load(charge.id)
        if view.amount is not None and (view.amount, view.currency) != (charge.amount, charge.currency):
            raise ChargeConflictError(f"charge {charge.id} has another amount")
        return view, bool(added.rowcount)

    def find(self, charge_id: str) -> ChargeView:
        """The charge as it is now. Raises KeyError if there is none."""
        return self._load(charge_id)

    def void(self, charge_id: str) -> ChargeView:
        """Makes a charge that is not completed fail for good, also one that was never asked for."""
        self._settle(charge_id)
        self._db.execute(
            "INSERT INTO charges VALUES (?, NULL, NULL, NULL, ?, ?, 0) "
            "ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason WHERE state = ?",
            (charge_id, ChargeState.FAILED, FailureReason.PAYMENT_FAILED, ChargeState.PENDING),
        )
        return self.find(charge_id)

    def refund(self, charge_id: str, refund: ChargeRefund) -> ChargeView:
        """Gives money of a completed charge back, once per refund's id. Raises KeyError or ChargeConflictError."""
        view = self._load(charge_id)
        known = {one.id: one.amount for one in view.refunds}
        if refund.id not in known:
            left = (view.amount or 0) - sum(known.values())
            if view.status is not ChargeState.COMPLETED or refund.amount > left:
                raise ChargeConflictError(
                    f"charge {charge_id} is {view.status}; {refund.amount} cannot go back of {left}"
                )
            self._db.execute("INSERT INTO refunds VALUES (?, ?, ?)", (charge_id, refund.id, refund.amount))
        elif known[refund.id] != refund.amount:
            raise ChargeConflictError(f"refund {refund.id} of charge {charge_id} has another amount")
        return self._load(charge_id)

    def _load(self, charge_id: str) -> ChargeView:
        self._settle(charge_id)
        row = self._db.execute(
            "SELECT state, amount, currency, reason FROM charges WHERE id = ?", (charge_id,)
        ).fetchone()
        if row is None:
            raise KeyError(charge_id)
        state, amount, currency, reason = row
        refunds = self._db.execute("SELECT id, amount FROM refunds WHERE charge_id = ? ORDER BY id", (charge_id,))
        return ChargeView(
            charge_id,
            ChargeState(state),
            amount,
            currency,
            reason and FailureReason(reason),
            tuple(RefundView(*refund) for refund in refunds),
        )

    def _settle(self, charge_id: str) -> None:
        """Writes down that a pending charge's time has come, so that it stays so whatever the clock does."""
        self._db.execute(
            "UPDATE charges SET state = ? WHERE id = ? AND state = ? AND settles_ms <= ?",
            (ChargeState.COMPLETED, charge_id, ChargeState.PENDING, _now_ms()),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _verdict(payment_token: str) -> tuple[ChargeState, FailureReason | None]:
    match payment_token:
        case "card_error":
            return ChargeState.FAILED, FailureReason.CARD_DECLINED
        case "payment_error":
            return ChargeState.FAILED, FailureReason.PAYMENT_FAILED
        case "timeout" | "answer_never":
            return ChargeState.PENDING, None
        case _:
            return ChargeState.COMPLETED, None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
