"""A payment gateway to try Onsale with: it speaks the protocol of `sync/gateway.py` and keeps a ledger of its own.

What a charge comes to is decided by its payment token:

    card_error       declined: failed, card_declined
    payment_error    failed, payment_failed
    timeout          no answer for half a minute; pending, and completed some seconds later
    anything else    completed

The ledger is a SQLite file. A charge is on disk before it is answered, so killing the process loses none.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec
from aiohttp import web

from engine.words import CURRENCY, FailureReason
from sync.gateway import Charge, ChargeRefund, ChargeState, ChargeView

T = TypeVar("T")

_SETTLE_AFTER_MS = 5000
_WITHHOLD_ANSWER_MS = 30_000
_LEDGER_TIMEOUT_SECONDS = 10

_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    id            TEXT PRIMARY KEY,
    amount        INTEGER,           -- minor units; NULL: voided before it was ever asked for
    currency      TEXT,
    payment_token TEXT,
    state         TEXT NOT NULL,
    reason        TEXT,
    settles_ms    INTEGER NOT NULL,  -- when a pending charge completes, ms since 1970
    refunded      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID
"""


class ChargeConflictError(Exception):
    """The charge is there with another amount, or is not one that can be refunded."""


class Ledger:
    """The charges, in a file. Its methods block; each is one transaction that is on disk when it returns."""

    def __init__(self, data_file: Path, settle_after_ms: int) -> None:
        self._settle_after_ms = settle_after_ms
        self._db = sqlite3.connect(data_file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def charge(self, charge: Charge) -> tuple[ChargeView, bool]:
        """Charges once per id; tells what became of it, and whether it is new. Raises ChargeConflictError."""
        state, reason = _verdict(charge.payment_token)
        settles_ms = _now_ms() + self._settle_after_ms
        added = self._db.execute(
            "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
            (charge.id, charge.amount, charge.currency, charge.payment_token, state, reason, settles_ms),
        )
        if added.rowcount:
            return ChargeView(charge.id, state, reason=reason), True
        view, amount = self._load(charge.id)
        if amount not in (None, charge.amount):
            raise ChargeConflictError(f"charge {charge.id} has another amount")
        return view, False

    def find(self, charge_id: str) -> ChargeView:
        """The charge as it is now. Raises KeyError if there is none."""
        view, _ = self._load(charge_id)
        return view

    def void(self, charge_id: str) -> ChargeView:
        """Makes a charge that is not completed fail for good, also one that was never asked for."""
        self._settle(charge_id)
        self._db.execute(
            "INSERT INTO charges VALUES (?, NULL, NULL, NULL, ?, ?, 0, 0) "
            "ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason WHERE state = ?",
            (charge_id, ChargeState.FAILED, FailureReason.PAYMENT_FAILED, ChargeState.PENDING),
        )
        return self.find(charge_id)

    def refund(self, charge_id: str, amount: int) -> ChargeView:
        """Gives a completed charge's money back, once. Raises KeyError or ChargeConflictError."""
        view, charged = self._load(charge_id)
        if view.status is not ChargeState.COMPLETED or charged != amount:
            raise ChargeConflictError(
                f"charge {charge_id} is {view.status} over {charged}; it cannot be refunded with {amount}"
            )
        self._db.execute("UPDATE charges SET refunded = 1 WHERE id = ? AND refunded = 0", (charge_id,))
        return self.find(charge_id)

    def _load(self, charge_id: str) -> tuple[ChargeView, int | None]:
        self._settle(charge_id)
        row = self._db.execute(
            "SELECT state, reason, refunded, amount FROM charges WHERE id = ?", (charge_id,)
        ).fetchone()
        if row is None:
            raise KeyError(charge_id)
        state, reason, refunded, amount = row
        view = ChargeView(charge_id, ChargeState(state), bool(refunded), reason and FailureReason(reason))
        return view, amount

    def _settle(self, charge_id: str) -> None:
        """Writes down that a pending charge's time has come, so that it stays so whatever the clock does."""
        self._db.execute(
            "UPDATE charges SET state = ? WHERE id = ? AND state = ? AND settles_ms <= ?",
            (ChargeState.COMPLETED, charge_id, ChargeState.PENDING, _now_ms()),
        )


def _verdict(payment_token: str) -> tuple[ChargeState, FailureReason | None]:
    match payment_token:
        case "card_error":
            return ChargeState.FAILED, FailureReason.CARD_DECLINED
        case "payment_error":
            return ChargeState.FAILED, FailureReason.PAYMENT_FAILED
        case "timeout":
            return ChargeState.PENDING, None
        case _:
            return ChargeState.COMPLETED, None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _SimulatedGateway:
    """The handlers, over a ledger that lives in one thread."""

    def __init__(self, data_file: Path, settle_after_ms: int, withhold_answer_ms: int) -> None:
        self._data_file = data_file
        self._settle_after_ms = settle_after_ms
        self._withhold_seconds = withhold_answer_ms / 1000
        self._stopping = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/charges", self.charge),
            web.get("/charges/{id}", self.find),
            web.post("/charges/{id}/void", self.void),
            web.post("/charges/{id}/refund", self.refund),
        ]

    async def ledger(self, _app: web.Application) -> AsyncIterator[None]:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as self._thread:
            self._ledger = await self._in_thread(lambda: Ledger(self._data_file, self._settle_after_ms))
            try:
                yield
            finally:
                await self._in_thread(self._ledger.close)

    async def stop_withholding(self, _app: web.Application) -> None:
        self._stopping.set()

    async def charge(self, request: web.Request) -> web.Response:
        charge = _decode(await request.read(), Charge)
        if charge.currency != CURRENCY:
            raise web.HTTPUnprocessableEntity(text=f"only {CURRENCY}")
        view, is_new = await self._in_thread(lambda: self._ledger.charge(charge))
        if is_new and view.status is ChargeState.PENDING:
            await self._withhold()
            view = await self._in_thread(lambda: self._ledger.find(charge.id))
        return _answer(view)

    async def find(self, request: web.Request) -> web.Response:
        charge_id = request.match_info["id"]
        return _answer(await self._in_thread(lambda: self._ledger.find(charge_id)))

    async def void(self, request: web.Request) -> web.Response:
        charge_id = request.match_info["id"]
        return _answer(await self._in_thread(lambda: self._ledger.void(charge_id)))

    async def refund(self, request: web.Request) -> web.Response:
        charge_id = request.match_info["id"]
        refund = _decode(await request.read(), ChargeRefund)
        return _answer(await self._in_thread(lambda: self._ledger.refund(charge_id, refund.amount)))

    async def _withhold(self) -> None:
        """Lets the caller wait for nothing, at most until the process stops."""
        try:
            async with asyncio.timeout(self._withhold_seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_LEDGER_TIMEOUT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KeyError as error:
            raise web.HTTPNotFound(text="no such charge") from error
        except ChargeConflictError as error:
            raise web.HTTPConflict(text=str(error)) from error


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _answer(view: ChargeView) -> web.Response:
    status = 202 if view.status is ChargeState.PENDING else 200
    return web.Response(status=status, body=msgspec.json.encode(view), content_type="application/json")


def create_gateway_app(
    data_file: Path, *, settle_after_ms: int = _SETTLE_AFTER_MS, withhold_answer_ms: int = _WITHHOLD_ANSWER_MS
) -> web.Application:
    """The simulated gateway, with its ledger in `data_file`, which is made if it is not there.

    A `timeout` charge is not answered for `withhold_answer_ms` and completes `settle_after_ms` after it was asked for.
    """
    gateway = _SimulatedGateway(data_file, settle_after_ms, withhold_answer_ms)
    app = web.Application()
    app.cleanup_ctx.append(gateway.ledger)
    app.on_shutdown.append(gateway.stop_withholding)
    app.add_routes(gateway.routes())
    return app
