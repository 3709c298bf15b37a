"""A payment gateway to try Onsale with: it speaks the protocol of `payments/gateway.py` and keeps a ledger of its own.

The payment token decides the outcome of a charge and the form of its answer:

    card_error       declined: failed, card_declined
    payment_error    failed, payment_failed
    timeout          no answer for half a minute; pending, and completed some seconds later
    answer_never     the same, but it stays pending until it is voided
    answer_late      completed; answered when the shop has given up waiting
    answer_lost      completed; the connection ends without an answer
    answer_twice     completed; answered twice
    anything else    completed

Buyers pay on a page of it (`cli/gateway/payment_page.py`), if it knows the shop to lead them back to.

How calls are answered from now on, whatever their token, can be told to a running gateway:

    PUT /faults    FaultPlan      {"mode": "lost", "calls": ["refund"], "times": 1}
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from aiohttp import web

from cli.gateway.ledger import ChargeConflictError, Ledger
from cli.gateway.ledger_thread import LedgerThread
from cli.gateway.payment_page import PaymentPage, Shop
from payments.gateway import SIMULATED, Charge, ChargeRefund, ChargeState, ChargeView

T = TypeVar("T")

SETTLE_AFTER_MS = 5000
ANSWER_LATE_MS = 3000
_WITHHOLD_ANSWER_MS = 30_000
_LEDGER_TIMEOUT_SECONDS = 10


class ResponseMode(StrEnum):
    """The mode in which a call is answered."""

    AT_ONCE = "at_once"
    LATE = "late"
    """It is done, and answered when the shop has given up waiting."""
    LOST = "lost"
    """It is done, and the connection ends without an answer."""
    TWICE = "twice"
    """It is done, and answered twice."""
    NEVER = "never"
    """It is not done, and not answered."""
    BROKEN = "broken"
    """It is not done; 500."""


class Call(StrEnum):
    """The calls of the gateway."""

    CHARGE = "charge"
    STATUS = "status"
    VOID = "void"
    REFUND = "refund"


class FaultPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan for answers: the calls (all, if none are named), and how many of them (unlimited by default)."""

    mode: ResponseMode
    calls: list[Call] = []
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Delays(NamedTuple):
    settle_after_ms: int
    answer_late_ms: int
    withhold_answer_ms: int


_MANNER_OF_TOKEN = {
    "answer_late": ResponseMode.LATE,
    "answer_lost": ResponseMode.LOST,
    "answer_twice": ResponseMode.TWICE,
}


class _SimulatedGateway:
    """The handlers, over a ledger that lives in one thread."""

    def __init__(self, data_file: Path, delays: _Delays) -> None:
        self._data_file = data_file
        self._delays = delays
        self._plan = FaultPlan(ResponseMode.AT_ONCE)
        self._stopping = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.tell),
            web.post("/charges", self.charge),
            web.get("/charges/{id}", self.find),
            web.post("/charges/{id}/void", self.void),
            web.post("/charges/{id}/refund", self.refund),
            web.put("/faults", self.behave),
        ]

    async def tell(self, _request: web.Request) -> web.Response:
        """Says what this is, so that nobody takes it for a gateway that charges."""
        return web.json_response({"gateway": SIMULATED, "charges": "nobody"})

    async def ledger(self, _app: web.Application) -> AsyncIterator[None]:
        async with LedgerThread(self._data_file, self._delays.settle_after_ms) as self._ledger:
            yield

    async def stop_withholding(self, _app: web.Application) -> None:
        self._stopping.set()

    def payment_page(self, shop: Shop) -> PaymentPage:
        """The page on which buyers of the shop pay."""

        async def take(charge: Charge) -> ChargeView:
            return (await self._ask_ledger(lambda ledger: ledger.charge(charge)))[0]

        async def find(charge_id: str) -> ChargeView:
            return await self._ask_ledger(lambda ledger: ledger.find(charge_id))

        return PaymentPage(shop, take, find)

    async def charge(self, request: web.Request) -> web.StreamResponse:
        charge = _decode(await request.read(), Charge)
        told = self._mode_of(Call.CHARGE)

        async def take() -> ChargeView:
            view, is_new = await self._ask_ledger(lambda ledger: ledger.charge(charge))
            if is_new and view.status is ChargeState.PENDING:
                await self._withhold(self._delays.withhold_answer_ms)
                view = await self._ask_ledger(lambda ledger: ledger.find(charge.id))
            return view

        return await self._answer(request, _MANNER_OF_TOKEN.get(charge.payment_token, told), take)

    async def find(self, request: web.Request) -> web.StreamResponse:
        charge_id = request.match_info["id"]
        return await self._ask(request, Call.STATUS, lambda ledger: ledger.find(charge_id))

    async def void(self, request: web.Request) -> web.StreamResponse:
        charge_id = request.match_info["id"]
        return await self._ask(request, Call.VOID, lambda ledger: ledger.void(charge_id))

    async def refund(self, request: web.Request) -> web.StreamResponse:
        charge_id = request.match_info["id"]
        refund = _decode(await request.read(), ChargeRefund)
        return await self._ask(request, Call.REFUND, lambda ledger: ledger.refund(charge_id, refund))

    async def behave(self, request: web.Request) -> web.Response:
        self._plan = _decode(await request.read(), FaultPlan)
        return web.Response(status=204)

    async def _ask(self, request: web.Request, call: Call, work: Callable[[Ledger], ChargeView]) -> web.StreamResponse:
        return await self._answer(request, self._mode_of(call), lambda: self._ask_ledger(work))

    def _mode_of(self, call: Call) -> ResponseMode:
        """The mode for this call; counts the call."""
        plan = self._plan
        if plan.calls and call not in plan.calls:
            return ResponseMode.AT_ONCE
        if plan.times is not None:
            left = plan.times - 1
            self._plan = msgspec.structs.replace(plan, times=left) if left else FaultPlan(ResponseMode.AT_ONCE)
        return plan.mode

    async def _answer(
        self, request: web.Request, mode: ResponseMode, act: Callable[[], Awaitable[ChargeView]]
    ) -> web.StreamResponse:
        if mode is ResponseMode.BROKEN:
            raise web.HTTPInternalServerError(text="told to be broken")
        if mode is ResponseMode.NEVER:
            await self._withhold(self._delays.withhold_answer_ms)
            return _hang_up(request)
        view = await act()
        match mode:
            case ResponseMode.LATE:
                await self._withhold(self._delays.answer_late_ms)
            case ResponseMode.LOST:
                return _hang_up(request)
            case ResponseMode.TWICE:
                return await _twice(request, view)
        return _response(view)

    async def _withhold(self, for_ms: int) -> None:
        """Lets the caller wait for nothing, at most until the process stops."""
        try:
            async with asyncio.timeout(for_ms / 1000):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _ask_ledger(self, work: Callable[[Ledger], T]) -> T:
        try:
            async with asyncio.timeout(_LEDGER_TIMEOUT_SECONDS):
                return await self._ledger.run(work)
        except KeyError as error:
            raise web.HTTPNotFound(text="no such charge") from error
        except ChargeConflictError as error:
            raise web.HTTPConflict(text=str(error)) from error


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _response(view: ChargeView) -> web.Response:
    status = 202 if view.status is ChargeState.PENDING else 200
    return web.Response(status=status, body=msgspec.json.encode(view), content_type="application/json")


def _hang_up(request: web.Request) -> web.Response:
    """Ends the connection; the response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _twice(request: web.Request, view: ChargeView) -> web.StreamResponse:
    """Sends the answer, and the same once more on the same connection, where nobody asked."""
    response = _response(view)
    await response.prepare(request)
    await response.write_eof()
    body = msgspec.json.encode(view)
    head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    if request.transport is not None:
        request.transport.write(head.encode() + body)
    return response


def create_gateway_app(
    data_file: Path,
    *,
    settle_after_ms: int = SETTLE_AFTER_MS,
    answer_late_ms: int = ANSWER_LATE_MS,
    withhold_answer_ms: int = _WITHHOLD_ANSWER_MS,
    shop: Shop | None = None,
) -> web.Application:
    """The simulated gateway, with its ledger in `data_file`, which is made if it is not there.

    `shop`: whose buyers it shows a page to, and whom it calls back; None: it has no such page.

    A `timeout` charge completes `settle_after_ms` after it was asked for; an answer that is late, or never comes, is
    waited for in vain so long.
    """
    gateway = _SimulatedGateway(data_file, _Delays(settle_after_ms, answer_late_ms, withhold_answer_ms))
    app = web.Application()
    app.on_response_prepare.append(_mark)
    app.cleanup_ctx.append(gateway.ledger)
    app.on_shutdown.append(gateway.stop_withholding)
    app.add_routes(gateway.routes())
    if shop is not None:
        page = gateway.payment_page(shop)
        app.cleanup_ctx.append(page.callbacks)
        app.add_routes(page.routes())
    return app


async def _mark(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SIMULATED
