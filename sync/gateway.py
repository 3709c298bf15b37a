"""The payment gateway: what is asked of it, what it answers, and how that goes over HTTP.

A payment attempt's id is the gateway's idempotency key: asked twice, it charges once. Answers are values. Nothing here
raises for a gateway that is slow, away or confused: that is `Unknown`, and the resolver asks again.

    POST /charges               Charge       charge once under this id
    GET  /charges/{id}                       what became of it; 404: no such charge
    POST /charges/{id}/void                  never charge under this id, unless that has happened
    POST /charges/{id}/refund   ChargeRefund give money of it back, once under the refund's id

A charge has the id of the payment attempt. A payment that the customer makes on the gateway's own pages has the id that
the shop gave it (`cart-...`), and its outcome comes by a callback; asking, voiding and refunding are the same for it.
"""

import asyncio
from enum import StrEnum
from typing import Annotated, Protocol

import aiohttp
import msgspec
import structlog
from yarl import URL

from engine.words import FailureReason

log = structlog.get_logger(__name__)


class Completed(msgspec.Struct, frozen=True):
    """The gateway has done it: taken the money, or given it back."""


class Failed(msgspec.Struct, frozen=True):
    """The money was not taken, and never will be under this attempt's id."""

    reason: FailureReason


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can tell yet: no answer, an odd one, or the gateway itself still waits. The money may have moved."""


class NeverSeen(msgspec.Struct, frozen=True):
    """The gateway has no charge of this id. One may still be on its way: void before relying on it."""


ChargeOutcome = Completed | Failed | Unknown
StatusOutcome = Completed | Failed | Unknown | NeverSeen
RefundOutcome = Completed | Unknown


Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""Minor units; the largest is what every reader of JSON takes exactly."""


class ChargeState(StrEnum):
    """Where a charge stands at the gateway."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a charge."""

    id: str
    amount: Amount
    currency: str
    payment_token: str


class ChargeRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a refund. `id` is its idempotency key: that of the reservation, as one payment may be for several.

    `by_callback`: the shop knows of the money by a callback, not by the answer to a charge.
    """

    id: str
    amount: Amount
    by_callback: bool = False


class ChargeView(msgspec.Struct, frozen=True):
    """A charge as the gateway answers it. A failed one has its reason; `refunded`: money of it went back.

    The answer to a refund is about that refund, whose id it has: `refunded` says that it is done.
    """

    id: str
    status: ChargeState
    refunded: bool = False
    reason: FailureReason | None = None
    refund_id: str | None = None


class Gateway(Protocol):
    """Takes money and gives it back. Every call is bounded in time, safe to repeat, and raises nothing of its own."""

    async def charge(self, attempt_id: str, amount_minor: int, currency: str, payment_token: str) -> ChargeOutcome:
        """Takes the money, once per attempt."""

    async def status(self, attempt_id: str) -> StatusOutcome:
        """What became of an attempt. Changes nothing."""

    async def void(self, attempt_id: str) -> ChargeOutcome:
        """Makes sure that an attempt which has not taken money never will. Completed: it was too late for that."""

    async def refund(self, attempt_id: str, refund: ChargeRefund) -> RefundOutcome:
        """Gives money of a completed attempt back, once under the refund's id."""


class HttpGateway:
    """A gateway over HTTP. `timeout` is for each call, in seconds; the session is its owner's to close."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout: float) -> None:
        self._session = session
        self._charges = URL(url) / "charges"
        self._timeout = timeout
        self.answers = True
        """Whether the last call was answered at all, however."""

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
        done = isinstance(view, ChargeView) and view.refunded and view.refund_id == refund.id
        return Completed() if done else Unknown()

    async def _ask(
        self, method: str, url: URL, attempt_id: str, body: msgspec.Struct | None = None
    ) -> ChargeView | NeverSeen | Unknown:
        """One call. A connection that broke is tried once more: an idle one may have been closed under our hands."""
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._exchange(method, url, attempt_id, body)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    return await self._exchange(method, url, attempt_id, body)
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
            self.answers = False
            log.warning("gateway_unclear", attempt_id=attempt_id, path=url.path, error=repr(error))
            return Unknown()

    async def _exchange(
        self, method: str, url: URL, attempt_id: str, body: msgspec.Struct | None
    ) -> ChargeView | NeverSeen | Unknown:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        async with self._session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            answer = await response.read()
            self.answers = True
            if response.status == 404 and method == "GET":
                return NeverSeen()
            if response.status not in (200, 202):
                log.warning("gateway_unclear", attempt_id=attempt_id, path=url.path, status=response.status)
                return Unknown()
        view = msgspec.json.decode(answer, type=ChargeView)
        if view.id != attempt_id:
            raise msgspec.ValidationError("the answer is about another charge")
        return view


def _outcome(view: ChargeView | NeverSeen | Unknown) -> StatusOutcome:
    if not isinstance(view, ChargeView):
        return view
    match view.status:
        case ChargeState.COMPLETED:
            return Completed()
        case ChargeState.FAILED:
            return Failed(view.reason or FailureReason.PAYMENT_FAILED)
        case ChargeState.PENDING:
            return Unknown()


def _without_never_seen(outcome: StatusOutcome) -> ChargeOutcome:
    """For calls that make the charge known by being asked."""
    return Unknown() if isinstance(outcome, NeverSeen) else outcome
