"""Results about waiting lists."""

from engine.records import WaitingEntry
from engine.results.result import Result


class OnWaiting(Result, frozen=True):
    """An answer about an entry of a waiting list; `now_ms` and `replayed` as in OnRecord.

    `position` is its place in the line of its ticket, from 1; 0 of an entry that does not wait.
    """

    now_ms: int
    replayed: bool
    entry: WaitingEntry
    position: int


class Waiting(OnWaiting, frozen=True, tag="waiting"):
    """The customer has a place in the line. Of a repeat, it may have been offered places, or have ended, since."""


class WaitingFound(OnWaiting, frozen=True, tag="waiting_found"):
    """The entry as it is."""


class WaitingDeclined(OnWaiting, frozen=True, tag="waiting_declined"):
    """The place in line is given up, or had ended before."""


class WaitingErased(OnWaiting, frozen=True, tag="waiting_erased"):
    """The details about the customer are those that were asked for."""


class WaitingTended(Result, frozen=True, tag="waiting_tended"):
    """The number of entries that wait for places of the event. `more`: there is more to do."""

    waiting: int
    more: bool


class NoWaitingList(Result, frozen=True, tag="no_waiting_list"):
    """The event, or a ticket of slots, has no waiting list."""


class WaitingEnded(Result, frozen=True, tag="waiting_ended"):
    """The waiting list has ended."""


class PlacesLeft(Result, frozen=True, tag="places_left"):
    """The ticket has places enough, which can be held: nobody needs to wait for them."""

    ticket_id: int
    available: int
