"""Problem documents (RFC 9457): the closed list of codes, their status and title."""

from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.answers import LocalTime, Money, Number, Timestamp
from api.replies import Reply
from engine.words import State


class Code(StrEnum):
    """What went wrong, as programs read it. The refusals of the engine keep their words."""

    MALFORMED_JSON = "malformed_json"
    UNAUTHENTICATED = "unauthenticated"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SOLD_OUT = "sold_out"
    SEAT_TAKEN = "seat_taken"
    SLOT_FULL = "slot_full"
    LIMIT_EXCEEDED = "limit_exceeded"
    SALE_CLOSED = "sale_closed"
    NOT_ON_SALE_YET = "not_on_sale_yet"
    ALREADY_PAID = "already_paid"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    NOT_HELD = "not_held"
    BELOW_TAKEN = "below_taken"
    PAYMENT_SETTLED = "payment_settled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    SLOT_NOT_SCHEDULED = "slot_not_scheduled"
    KEY_REUSED = "key_reused"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


KINDS: dict[Code, tuple[int, str]] = {
    Code.MALFORMED_JSON: (400, "The body is not JSON"),
    Code.UNAUTHENTICATED: (401, "Who asks is not known"),
    Code.CARD_DECLINED: (402, "The card was declined"),
    Code.PAYMENT_FAILED: (402, "The payment failed"),
    Code.FORBIDDEN: (403, "Not allowed"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Code.SOLD_OUT: (409, "Sold out"),
    Code.SEAT_TAKEN: (409, "Seat taken"),
    Code.SLOT_FULL: (409, "The slot is full"),
    Code.LIMIT_EXCEEDED: (409, "More than one customer may have"),
    Code.SALE_CLOSED: (409, "The sale is closed"),
    Code.NOT_ON_SALE_YET: (409, "Not on sale yet"),
    Code.ALREADY_PAID: (409, "Already paid"),
    Code.PAYMENT_IN_PROGRESS: (409, "A payment is under way"),
    Code.NOT_HELD: (409, "The reservation's state does not allow it"),
    Code.BELOW_TAKEN: (409, "Capacity below what is taken"),
    Code.PAYMENT_SETTLED: (409, "The payment has the opposite outcome"),
    Code.EXPIRED: (410, "It ran out"),
    Code.CANCELLED: (410, "The reservation was cancelled"),
    Code.TOO_LARGE: (413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "The body must be application/json"),
    Code.INVALID: (422, "The request is not valid"),
    Code.AMOUNT_MISMATCH: (422, "The amount is not the total"),
    Code.CURRENCY_NOT_SUPPORTED: (422, "Only EUR is supported"),
    Code.SLOT_NOT_SCHEDULED: (422, "Not a slot of the schedule"),
    Code.KEY_REUSED: (422, "The idempotency key was used for another request"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.INTERNAL: (500, "Something broke on our side"),
    Code.UNAVAILABLE: (503, "Not available right now"),
}
"""Status and title of each code."""


class WrongField(msgspec.Struct, frozen=True):
    """A field of a body, a parameter or a header, and what is wrong with it."""

    path: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457). `detail` tells a person what to do next; what follows `code` is for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    fields: list[WrongField] | UnsetType = UNSET
    available: Number | UnsetType = UNSET
    largest_block: Number | UnsetType = UNSET
    limit: Number | UnsetType = UNSET
    limited: Literal["customer", "address", "expiries"] | UnsetType = UNSET
    taken: Number | UnsetType = UNSET
    ticket_id: int | UnsetType = UNSET
    seat_ids: list[int] | UnsetType = UNSET
    opens_at: Timestamp | UnsetType | None = UNSET
    total: Money | UnsetType = UNSET
    state: State | UnsetType = UNSET
    missing: list[str] | UnsetType = UNSET
    capacity: Number | UnsetType = UNSET
    times: list[LocalTime] | UnsetType = UNSET


PROBLEM_JSON = "application/problem+json"
_RETRY_AFTER_SECONDS = 1
_ENCODER = msgspec.json.Encoder()


class Problem(Exception):
    """Ends a request with a problem document.

    `detail` tells a person what to do next; `members` are for programs; `headers` go with the response.
    """

    def __init__(self, code: Code, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.code][0]

    def document(self) -> ProblemDocument:
        """What the client gets to read."""
        status, title = KINDS[self.code]
        return ProblemDocument(
            type=f"urn:onsale:problem:{self.code}",
            title=title,
            status=status,
            detail=self.detail,
            code=self.code,
            **self.members,
        )

    def reply(self) -> Reply:
        """The problem document as an answer."""
        headers = dict(self.headers)
        if self.status == 401:
            headers.setdefault("WWW-Authenticate", 'Bearer realm="onsale"')
        if self.status in (429, 503):
            headers.setdefault("Retry-After", str(_RETRY_AFTER_SECONDS))
        headers["Content-Type"] = PROBLEM_JSON
        return Reply(_ENCODER.encode(self.document()), headers, self.status)


def invalid(path: str, message: str, *, of: str = "the body") -> Problem:
    """422 about one field `of` a body, or one parameter of a query."""
    where = path or of
    return Problem(Code.INVALID, f"{where}: {message}", fields=[WrongField(path, message)])


def not_found(what: str) -> Problem:
    """404 about a thing that is named in the request."""
    return Problem(Code.NOT_FOUND, f"There is no {what}; check the id.")


def forbidden(detail: str) -> Problem:
    """403: it is known who asks, and that this is not for them."""
    headers = {"WWW-Authenticate": 'Bearer realm="onsale", error="insufficient_scope"'}
    return Problem(Code.FORBIDDEN, detail, headers=headers)


def unauthenticated(detail: str, error: str) -> Problem:
    """401. `error` is the word of RFC 6750 for what is wrong with the token."""
    headers = {"WWW-Authenticate": f'Bearer realm="onsale", error="{error}"'}
    return Problem(Code.UNAUTHENTICATED, detail, headers=headers)


def too_large(max_bytes: int) -> Problem:
    """413; the connection is closed, because the rest of the body is not read."""
    return Problem(Code.TOO_LARGE, f"The body may have {max_bytes} bytes; send less.", headers={"Connection": "close"})
