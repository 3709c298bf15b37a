"""Results about e-tickets and scans at the doors."""

from engine.records import Eticket, NumberedEticket
from engine.results.result import Result
from engine.words import ScanResult


class CheckedIn(Result, frozen=True, tag="checked_in"):
    """The answer to a scan. `number`: -1: of no e-ticket of the event; `eticket` has one value else.

    `other_gate` and `other_ms`: the entry that this one doubles, if it does.
    """

    now_ms: int
    replayed: bool
    result: ScanResult
    number: int
    issue: int
    eticket: list[Eticket]
    other_gate: str
    other_ms: int


class EticketsListed(Result, frozen=True, tag="etickets_listed"):
    """The e-tickets of a reservation."""

    now_ms: int
    etickets: list[NumberedEticket]


class EticketFound(Result, frozen=True, tag="eticket_found"):
    """One e-ticket, by its number."""

    now_ms: int
    number: int
    eticket: Eticket
