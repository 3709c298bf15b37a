"""The payment gateway: what is asked of it, what it answers, and how that goes over HTTP.

A payment attempt's id is the gateway's idempotency key: asked twice, it charges once. Answers are values. Nothing here
raises for a gateway that is slow, away or confused: that is `Unknown`, and the resolver asks again.

    POST /charges               Charge       charge once under this id
    GET /charges/{id} its state; 404: no such charge
    POST /charges/{id}/void                  never charge under this id, unless that has happened
    POST /charges/{id}/refund   ChargeRefund give money of it back, once under the refund's id; 404, 409: that cannot be

A charge has the id of the payment attempt. A payment on the gateway's own pages has the id that the shop gave it
(`cart-...`), and its outcome comes by a callback. Asking, voiding and refunding work alike for both.

A completed charge always has its amount, its currency and its refunds. That includes refunds that were made elsewhere:
on the gateway's own pages, or by a bank. The shop compares both with the amount that it is owed.
"""

import asyncio
from enum import StrEnum
from typing import Annotated, Protocol

import aiohttp
import msgspec
import structlog
from yarl import URL

from engine.errors import Fault
from engine.tracing import with_traceparent
from engine.words import FailureReason

log = structlog.get_logger(__name__)


Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""Minor units; the largest is what every reader of JSON takes exactly."""

CurrencyCode = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
"""ISO 4217."""


SIMULATED = "onsale-simulated-gateway"
"""The Server header of the simulated gateway (cli/gateway)."""


class RefundView(msgspec.Struct, frozen=True):
    """Money that went back of a charge. `id` is the shop's, or the gateway's own for what was refunded elsewhere."""

    id: str
    amount: Amount


class Completed(msgspec.Struct, frozen=True):
    """The gateway has taken this money, of which it gave `refunds` back."""

    amount_minor: int
    currency: str
    refunds: tuple[RefundView, ...] = ()

    def is_of(self, amount_minor: int, currency: str) -> bool:
        """True if exactly this was taken."""
        return (self.amount_minor, self.currency) == (amount_minor, currency)


class GivenBack(msgspec.Struct, frozen=True):
    """The gateway has given the money back."""


class Refused(msgspec.Struct, frozen=True):
    """The gateway will not give this money back: less of the charge is left, or it is another refund's id."""


class Failed(msgspec.Struct, frozen=True):
    """The money was not taken, and never will be under this attempt's id."""

    reason: FailureReason


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can tell yet: no answer, an odd one, or the gateway itself still waits. The money may have moved."""


class NeverSeen(msgspec.Struct, frozen=True):
    """The gateway has no charge of this id. One may still be on its way: void before relying on it."""


ChargeOutcome = Completed | Failed | Unknown
StatusOutcome = Completed | Failed | Unknown | NeverSeen
RefundOutcome = GivenBack | Refused | Unknown


class GatewayUnclear(Fault):
    """The gateway does not say what happened to a charge; the request must be repeated."""


class ChargeState(StrEnum):
    """The state of a charge at the gateway."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a charge."""

    id: str
    amount: Amount
    currency: CurrencyCode
    payment_token: str


class ChargeRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a refund. `id` is its idempotency key, as one payment may be for several reservations."""

    id: str
    amount: Amount


class ChargeView(msgspec.Struct, frozen=True):
    """A charge as the gateway answers it. A completed one has its amount and currency, a failed one its reason.

    `refunds` is all that went back of it. The answer to a refund has that one among them.
    """

    id: str
    status: ChargeState
    amount: Amount | None = None
    currency: str | None = None
    reason: FailureReason | None = None
    refunds: tuple[RefundView, ...] = ()


_Answer = ChargeView | NeverSeen | Refused | Unknown


class Gateway(Protocol):
    """Takes money and gives it back. Every call is bounded in time, safe to repeat, and raises nothing of its own."""

    async def charge(self, attempt_id: str, amount_minor: int, currency: str, payment_token: str) -> ChargeOutcome:
        """Takes the money, once per attempt."""

    async def status(self, attempt_id: str) -> StatusOutcome:
        """The outcome of an attempt. Changes nothing."""

    async def void(self, attempt_id: str) -> ChargeOutcome:
        """Makes sure that an attempt which has not taken money never will. Completed: it was too late for that."""

    async def refund(self, attempt_id: str, refund: ChargeRefund) -> RefundOutcome:
        """Gives money of a completed attempt back, once under the refund's id."""


class HttpGateway:
    """A gateway over HTTP. `timeout` is for each call, in seconds; the session is its owner's to close."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._charges = URL(url) / "charges"
        self._timeout_seconds = timeout_seconds
        self.answers = True
        """True if the last call got any answer at all."""

    async def charge(self, attempt_id: str, amount_minor: int, currency: str, payment_token: str) -> ChargeOutcome:
        """See Gateway."""
        body = Charge(id=attempt_id, amount=amount_minor, currency=currency, payment_token=payment_token)
        return _without_never_seen(_outcome(await self._ask("POST", self._charges, attempt_id, body)))

    async def status(self, attempt_id: str) -> StatusOutcome:
        """See Gateway."""
        return _outcome(await self._ask("GET", self._charges / attempt_id, attempt_id))

    async def void(self, attempt_id: str) -> ChargeOutcome:
        """See Gateway."""
        return _without_never_seen(_outcome(await self._ask("POST", self._charges / attempt_id / "void", attempt_id)))

    async def refund(self, attempt_id: str, refund: ChargeRefund) -> RefundOutcome:
        """See Gateway."""
        view = await self._ask("POST", self._charges / attempt_id / "refund", attempt_id, refund)
        if isinstance(view, Refused):
            return view
        done = isinstance(view, ChargeView) and RefundView(refund.id, refund.amount) in view.refunds
        return GivenBack() if done else Unknown()

    async def _ask(self, method: str, url: URL, attempt_id: str, body: msgspec.Struct | None = None) -> _Answer:
        """One call. A connection that broke is tried once more: an idle one may have been closed under our hands."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    return await self._exchange(method, url, attempt_id, body)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    return await self._exchange(method, url, attempt_id, body)
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
            self.answers = False
            log.warning("gateway_unclear", attempt_id=attempt_id, path=url.path, error=repr(error))
            return Unknown()

    async def _exchange(self, method: str, url: URL, attempt_id: str, body: msgspec.Struct | None) -> _Answer:
        data = None if body is None else msgspec.json.encode(body)
        headers = with_traceparent({"Content-Type": "application/json"} if body is not None else {})
        async with self._session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            answer = await response.read()
            self.answers = True
            if response.status == 404 and method == "GET":
                return NeverSeen()
            if response.status in (404, 409) and isinstance(body, ChargeRefund):
                return Refused()
            if response.status not in (200, 202):
                log.warning("gateway_unclear", attempt_id=attempt_id, path=url.path, status=response.status)
                return Unknown()
        view = msgspec.json.decode(answer, type=ChargeView)
        if view.id != attempt_id:
            raise msgspec.ValidationError("the answer is about another charge")
        return view


def _outcome(view: _Answer) -> StatusOutcome:
    if isinstance(view, Refused):
        return Unknown()
    if not isinstance(view, ChargeView):
        return view
    match view.status:
        case ChargeState.COMPLETED if view.amount is not None and view.currency is not None:
            return Completed(view.amount, view.currency, view.refunds)
        case ChargeState.FAILED:
            return Failed(view.reason or FailureReason.PAYMENT_FAILED)
        case _:  # also completed with nothing said of the money: nobody can compare that
            return Unknown()


def _without_never_seen(outcome: StatusOutcome) -> ChargeOutcome:
    """The outcome of a call that makes the charge known to the gateway."""
    return Unknown() if isinstance(outcome, NeverSeen) else outcome


async def is_simulated(session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> bool:
    """True if the gateway says that it charges nobody. One that does not answer does not say so."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=timeout_seconds)) as response:
            return response.headers.get("Server") == SIMULATED
    except (aiohttp.ClientError, TimeoutError):
        return False
