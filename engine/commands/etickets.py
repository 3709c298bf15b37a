"""Commands on e-tickets, and scans at the doors."""

from engine.commands.command import OnEvent, OnReservation
from engine.records import Record
from engine.results.etickets import CheckedIn, EticketFound, EticketsListed
from engine.results.events import InUse
from engine.results.reservations import NotFound, NotHeld

TransferResult = EticketFound | NotFound | NotHeld | InUse


class CheckIn(OnEvent[CheckedIn], frozen=True, tag="check_in"):
    """Reports that a gate has scanned the code of that number and issue, and returns whether it admits.

    `verdict`: the result where the code itself says it, else empty. `scanned_ms` counts where `offline`. `times`:
    the instant before which nobody is admitted, 0: none; and for how long a timed ticket admits before and after its
    slot's start. The same gate and nonce are the same scan. `exits`: of the exits with that code in the same upload,
    the last before this scan and the first after it; 0: none. They may come to Redis later than this scan.
    """

    number: int
    issue: int
    verdict: str
    gate: str
    nonce: str
    direction: str
    scanned_ms: int
    offline: bool
    times: tuple[int, int, int]
    exits: tuple[int, int] = (0, 0)


class Etickets(OnReservation[EticketsListed | NotFound], frozen=True, tag="etickets"):
    """Reads the e-tickets of a reservation; none of one that was never paid. `archived`: as of Refund."""

    archived: Record | None = None


class FindEticket(OnEvent[EticketFound | NotFound], frozen=True, tag="find_eticket"):
    """Reads an e-ticket as it is at this instant."""

    reads = True

    number: int


class TransferEticket(OnEvent[TransferResult], frozen=True, tag="transfer_eticket"):
    """Gives an e-ticket another holder and a new code. `request_id` tells the repeat of a request from another one."""

    number: int
    holder: str
    request_id: str
