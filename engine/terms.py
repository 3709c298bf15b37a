"""The terms of an event: how it sells. The layouts of `lua/10_codec.lua`, for Python."""

import msgspec

from engine.currencies import FIRST_CURRENCY
from engine.words import CodeKind, DiscountForm, EventStatus


class OwnTerms(msgspec.Struct, array_like=True, frozen=True):
    """Terms of one ticket, beside those of its event. `opens_ms` and `closes_ms` are 0 if there is no such limit.

    A hidden ticket is sold to nobody, as if it were not there. `min_quantity` is the least that is taken at once.
    """

    paused: bool = False
    hidden: bool = False
    opens_ms: int = 0
    closes_ms: int = 0
    min_quantity: int = 1


class TicketTerms(msgspec.Struct, array_like=True, frozen=True):
    """The pools and the price of a ticket.

    `assigned`: each pool is a section. `timed`: it is taken from slots, and has no pools of its own. `own`: terms that
    most tickets do not have.
    """

    ticket_id: int
    pools: list[str]
    unit_minor: int
    assigned: bool = False
    timed: bool = False
    own: OwnTerms | None = None


class ScheduleTerms(msgspec.Struct, array_like=True, frozen=True):
    """Which slots a timed event has, in local dates and times. `capacity` is how many places each has; 0: it has none.

    `weekdays` are 1 (Monday) to 7. `closed` are dates and single slots that are left out. The event
    begins on the local date `first_date`; empty: it has always been.
    """

    capacity: int = 0
    times: list[str] = []
    weekdays: list[int] = []
    closed: list[str] = []
    first_date: str = ""


class RoomTerms(msgspec.Struct, array_like=True, frozen=True):
    """The terms of a waiting room. `places` is how many a pass buys; 0 of `max_inside` and `per_minute`: no limit.

    A room without places is none.
    """

    opens_ms: int
    pass_ms: int
    places: int
    max_inside: int = 0
    per_minute: int = 0


NO_ROOM = RoomTerms(0, 0, 0)
"""Stands for the missing waiting room where other terms follow: Lua cannot tell how long a list with gaps is."""


class WaitingTerms(msgspec.Struct, array_like=True, frozen=True):
    """The terms of a waiting list. `ends_ms` 0: it ends when the sale closes.

    `fills_gaps`: customers who wait for more places than are free are passed over.
    """

    offer_ms: int
    ends_ms: int = 0
    fills_gaps: bool = False


class CodeTerms(msgspec.Struct, array_like=True, frozen=True):
    """The terms of a code. No `ticket_ids`: all tickets of the event. 0: no limit, or no such instant; empty: anybody.

    `amount` is of the `form` of a discount: a percentage, or minor units. `budget_minor` is what all uses may save
    together. `places` are set aside for an allocation. `opens_ms`: when the sale opens for an access code.
    """

    kind: CodeKind
    ticket_ids: list[int] = []
    max_uses: int = 0
    max_places: int = 0
    from_ms: int = 0
    until_ms: int = 0
    customer_id: str = ""
    form: DiscountForm = DiscountForm.NONE
    amount: int = 0
    budget_minor: int = 0
    places: int = 0
    opens_ms: int = 0
    withdrawn: bool = False


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """The terms that decide whether and how an event sells. `opens_ms` and `closes_ms` are 0 if there is no window.

    `currency` is that of all its prices.
    """

    status: EventStatus
    opens_ms: int
    closes_ms: int
    hold_ms: int
    max_per_customer: int
    tickets: list[TicketTerms]
    version: int = 0
    schedule: ScheduleTerms = msgspec.field(default_factory=ScheduleTerms)
    currency: str = FIRST_CURRENCY
    room: RoomTerms | None = None
    waiting: WaitingTerms | None = None
