"""Commands on waiting lists."""

from engine.commands.command import OnEvent, OnReservation
from engine.results.events import NotOnSaleYet, SaleClosed, UnknownPool
from engine.results.holds import BelowMinimum
from engine.results.limits import LimitExceeded, RateLimited
from engine.results.reservations import AlreadyPaid, KeyReused, NotFound, PaymentInProgress
from engine.results.waiting_lists import (
    NoWaitingList,
    PlacesLeft,
    Waiting,
    WaitingDeclined,
    WaitingEnded,
    WaitingErased,
    WaitingFound,
    WaitingTended,
)

WaitResult = (
    Waiting
    | RateLimited
    | KeyReused
    | UnknownPool
    | NoWaitingList
    | SaleClosed
    | WaitingEnded
    | NotOnSaleYet
    | BelowMinimum
    | LimitExceeded
    | PlacesLeft
)

DeclineResult = WaitingDeclined | NotFound | PaymentInProgress | AlreadyPaid


class Wait(OnEvent[WaitResult], frozen=True, tag="wait"):
    """Gives a customer a place in the line of a ticket that has too few places.

    `waiting_id` is made like a reservation's, and is that of the offer. `details` and `address` as of Hold; `digest`
    tells a repeat from another request; `contact` is how the customer is notified.
    """

    takes = True

    waiting_id: str
    customer_id: str
    details: str
    contact: str
    digest: str
    ticket_id: int
    quantity: int
    address: str = ""


class FindWaiting(OnReservation[WaitingFound | NotFound], frozen=True, tag="find_waiting"):
    """Reads an entry of a waiting list as it is at this instant."""

    reads = True


class DeclineWaiting(OnReservation[DeclineResult], frozen=True, tag="decline_waiting"):
    """Gives up a place in line, or the places that are offered, which go to the next in line in the same step."""


class EraseWaiting(OnReservation[WaitingErased | NotFound], frozen=True, tag="erase_waiting"):
    """Replaces the details about the customer of an entry; nothing else changes."""

    details: str
    contact: str


class TendWaiting(OnEvent[WaitingTended], frozen=True, tag="tend_waiting"):
    """Does a slice of what is due in the waiting list of an event, where nobody else calls."""
