"""Results about codes."""

from engine.results.result import Result
from engine.stock import CodeCounts, OfferedTicket
from engine.words import CodeKind


class CodeUnknown(Result, frozen=True, tag="code_unknown"):
    """No such code, or it is not valid now, or another customer's: the answer does not say which."""


class CodeUsedUp(Result, frozen=True, tag="code_used_up"):
    """The code has no use, too little budget, or too few places left."""


class CodeNotApplicable(Result, frozen=True, tag="code_not_applicable"):
    """The code is for none of the tickets (`most` 0), or for fewer places at once: `most`."""

    most: int


class CodesPut(Result, frozen=True, tag="codes_put"):
    """The codes have the terms that were asked for. `places`: set aside or taken of the last of them."""

    now_ms: int
    places: int


class CodesCounted(Result, frozen=True, tag="codes_counted"):
    """The counters of codes, in the order in which they were asked for."""

    now_ms: int
    codes: list[CodeCounts]


class CodeFound(Result, frozen=True, tag="code_found"):
    """The tickets that a code opens to a customer.

    `opens_ms` 0: the sale is open as far as that goes; the others 0: no limit.
    """

    now_ms: int
    kind: CodeKind
    opens_ms: int
    until_ms: int
    max_places: int
    tickets: list[OfferedTicket]
