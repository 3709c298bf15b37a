"""Problem documents (RFC 9457): the closed list of codes, their status and title."""

from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.http.replies import Reply
from api.http.types import LocalTime, Money, Number, Timestamp
from engine.words import QueueEnd, State


class Code(StrEnum):
    """The code of a problem, for programs. The engine's refusals keep their words."""

    MALFORMED_JSON = "malformed_json"
    UNAUTHENTICATED = "unauthenticated"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CODE_UNKNOWN = "code_unknown"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SOLD_OUT = "sold_out"
    SEAT_TAKEN = "seat_taken"
    SLOT_FULL = "slot_full"
    LIMIT_EXCEEDED = "limit_exceeded"
    SALE_CLOSED = "sale_closed"
    SALE_PAUSED = "sale_paused"
    NOT_ON_SALE_YET = "not_on_sale_yet"
    PRICE_CHANGED = "price_changed"
    ALREADY_PAID = "already_paid"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    NOT_HELD = "not_held"
    BELOW_TAKEN = "below_taken"
    IN_USE = "in_use"
    PAYMENT_SETTLED = "payment_settled"
    QUEUE_REQUIRED = "queue_required"
    NOT_YOUR_TURN = "not_your_turn"
    PASS_EXPIRED = "pass_expired"  # noqa: S105  # no password
    INSIDE_FULL = "inside_full"
    QUEUE_CLOSED = "queue_closed"
    CODE_USED_UP = "code_used_up"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    SLOT_NOT_SCHEDULED = "slot_not_scheduled"
    KEY_REUSED = "key_reused"
    CODE_NOT_APPLICABLE = "code_not_applicable"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


KINDS: dict[Code, tuple[int, str]] = {
    Code.MALFORMED_JSON: (400, "The request cannot be read"),
    Code.UNAUTHENTICATED: (401, "Authentication required"),
    Code.CARD_DECLINED: (402, "The card was declined"),
    Code.PAYMENT_FAILED: (402, "The payment failed"),
    Code.FORBIDDEN: (403, "Not allowed"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.CODE_UNKNOWN: (404, "The code is not valid"),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Code.SOLD_OUT: (409, "Sold out"),
    Code.SEAT_TAKEN: (409, "Seat taken"),
    Code.SLOT_FULL: (409, "The slot is full"),
    Code.LIMIT_EXCEEDED: (409, "Customer limit exceeded"),
    Code.SALE_CLOSED: (409, "The sale is closed"),
    Code.SALE_PAUSED: (409, "The sale is paused"),
    Code.PRICE_CHANGED: (409, "The price has changed"),
    Code.NOT_ON_SALE_YET: (409, "Not on sale yet"),
    Code.ALREADY_PAID: (409, "Already paid"),
    Code.PAYMENT_IN_PROGRESS: (409, "A payment is in progress"),
    Code.NOT_HELD: (409, "The reservation's state does not allow it"),
    Code.IN_USE: (409, "In use"),
    Code.BELOW_TAKEN: (409, "Capacity below the places taken"),
    Code.PAYMENT_SETTLED: (409, "The payment has the opposite outcome"),
    Code.QUEUE_REQUIRED: (409, "A place in the waiting room is required"),
    Code.NOT_YOUR_TURN: (409, "Not your turn yet"),
    Code.PASS_EXPIRED: (409, "The pass has expired"),
    Code.INSIDE_FULL: (409, "Nobody can be let in at the moment"),
    Code.QUEUE_CLOSED: (409, "Nobody can join now"),
    Code.CODE_USED_UP: (409, "The code is used up"),
    Code.EXPIRED: (410, "Expired"),
    Code.CANCELLED: (410, "The reservation was cancelled"),
    Code.PRECONDITION_FAILED: (412, "Changed since it was read"),
    Code.TOO_LARGE: (413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "The body must be application/json"),
    Code.INVALID: (422, "The request is not valid"),
    Code.AMOUNT_MISMATCH: (422, "The amount does not match the total"),
    Code.CURRENCY_NOT_SUPPORTED: (422, "Another currency"),
    Code.SLOT_NOT_SCHEDULED: (422, "The slot is not in the schedule"),
    Code.KEY_REUSED: (422, "The idempotency key was used for another request"),
    Code.CODE_NOT_APPLICABLE: (422, "The code is not for these places"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.INTERNAL: (500, "Internal error"),
    Code.UNAVAILABLE: (503, "Temporarily unavailable"),
}
"""Status and title of each code."""

MEMBERS: dict[Code, tuple[str, ...]] = {
    Code.SOLD_OUT: ("ticket_id", "available", "next_return_at", "largest_block?"),
    Code.SEAT_TAKEN: ("seat_ids",),
    Code.SLOT_FULL: ("available", "capacity?"),
    Code.LIMIT_EXCEEDED: ("limit", "taken?", "hold_seconds?", "retry_seconds?"),
    Code.NOT_ON_SALE_YET: ("opens_at",),
    Code.PRICE_CHANGED: ("total",),
    Code.NOT_HELD: ("state?",),
    Code.BELOW_TAKEN: ("taken", "slot?"),
    Code.NOT_YOUR_TURN: ("ahead",),
    Code.QUEUE_CLOSED: ("reason?", "ticket_id?", "available?"),
    Code.INVALID: ("fields",),
    Code.AMOUNT_MISMATCH: ("total",),
    Code.SLOT_NOT_SCHEDULED: ("times?",),
    Code.CODE_NOT_APPLICABLE: ("limit?",),
    Code.RATE_LIMITED: ("limited", "limit?", "taken?", "hold_seconds?"),
    Code.UNAVAILABLE: ("missing?",),
}
"""The members of the problems of each code, in the order of their document; `?`: not always there."""


class WrongField(msgspec.Struct, frozen=True):
    """A field of a body, a parameter or a header, and what is wrong with it."""

    path: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document (RFC 9457).

    `detail` tells a person what to do next; the members after `code` are for programs.
    """

    type: str
    title: str
    status: int
    detail: str
    code: Code
    fields: list[WrongField] | UnsetType = UNSET
    available: Number | UnsetType = UNSET
    largest_block: Number | UnsetType = UNSET
    next_return_at: Timestamp | UnsetType | None = UNSET
    limit: Number | UnsetType = UNSET
    limited: Literal["customer", "address", "expiries", "payments", "keys"] | UnsetType = UNSET
    taken: Number | UnsetType = UNSET
    hold_seconds: Number | UnsetType = UNSET
    retry_seconds: Number | UnsetType = UNSET
    ticket_id: int | UnsetType = UNSET
    seat_ids: list[int] | UnsetType = UNSET
    opens_at: Timestamp | UnsetType | None = UNSET
    total: Money | UnsetType = UNSET
    state: State | UnsetType = UNSET
    missing: list[str] | UnsetType = UNSET
    capacity: Number | UnsetType = UNSET
    times: list[LocalTime] | UnsetType = UNSET
    slot: str | UnsetType = UNSET
    ahead: Number | UnsetType | None = UNSET
    reason: QueueEnd | UnsetType | None = UNSET


PROBLEM_JSON = "application/problem+json"
_RETRY_AFTER_SECONDS = 1
_LONG_DETAIL = 200
"""Above, a detail may repeat what was sent, and is not worth being remembered."""

_LONGEST_DETAIL, _LONGEST_PATH, _LONGEST_MESSAGE = 1000, 200, 500
"""Characters. What was sent comes back in them, so that a person finds it, but not 60 kB of it."""

_ENCODER = msgspec.json.Encoder()


class Problem(Exception):
    """Ends a request with a problem document.

    `detail` tells a person what to do next; `members` are for programs; `headers` go with the response. `status` is
    given where HTTP has one of its own for what the code tells (408, 417).
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = _shortened(detail, _LONGEST_DETAIL)
        self.status = KINDS[code][0] if status is None else status
        self.headers = headers or {}
        self.members = members

    def document(self) -> ProblemDocument:
        """The document that the client receives."""
        members = self.members
        if "fields" in members:
            members = members | {"fields": [_shortened_field(field) for field in members["fields"]]}
        return ProblemDocument(
            type=f"urn:onsale:problem:{self.code}",
            title=KINDS[self.code][1],
            status=self.status,
            detail=self.detail,
            code=self.code,
            **members,
        )

    def reply(self) -> Reply:
        """The problem document as an answer."""
        headers = dict(self.headers)
        if self.status == 401:
            headers.setdefault("WWW-Authenticate", 'Bearer realm="onsale"')
        if self.status in (429, 503):
            headers.setdefault("Retry-After", str(_RETRY_AFTER_SECONDS))
        headers["Content-Type"] = PROBLEM_JSON
        plain = not self.members and len(self.detail) <= _LONG_DETAIL and self.status == KINDS[self.code][0]
        body = _plain_body(self.code, self.detail) if plain else self._encoded()
        return Reply(body, headers, self.status)

    def _encoded(self) -> bytes:
        return _ENCODER.encode(self.document())


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shortened_field(field: WrongField) -> WrongField:
    return WrongField(_shortened(field.path, _LONGEST_PATH), _shortened(field.message, _LONGEST_MESSAGE))


@lru_cache(maxsize=1000)
def _plain_body(code: Code, detail: str) -> bytes:
    """The body of a problem without members: in an overload it is the same for thousands a second."""
    return Problem(code, detail)._encoded()


def invalid(path: str, message: str, *, of: str = "the body") -> Problem:
    """422 about one field `of` a body, or one parameter of a query."""
    where = path or of
    return Problem(Code.INVALID, f"{where}: {message}", fields=[WrongField(path, message)])


def not_found(what: str) -> Problem:
    """404 about a thing that is named in the request."""
    return Problem(Code.NOT_FOUND, f"There is no {what}; check the id.")


def forbidden(detail: str) -> Problem:
    """403: the caller is known and not allowed to do this."""
    headers = {"WWW-Authenticate": 'Bearer realm="onsale", error="insufficient_scope"'}
    return Problem(Code.FORBIDDEN, detail, headers=headers)


def unauthenticated(detail: str, error: str) -> Problem:
    """401. `error` is the word of RFC 6750 for what is wrong with the token."""
    headers = {"WWW-Authenticate": f'Bearer realm="onsale", error="{error}"'}
    return Problem(Code.UNAUTHENTICATED, detail, headers=headers)


def too_large(max_bytes: int) -> Problem:
    """413; the connection is closed, because the rest of the body is not read."""
    return Problem(
        Code.TOO_LARGE, f"The body may have at most {max_bytes} bytes; send less.", headers={"Connection": "close"}
    )
