"""Commands on a reservation in any state."""

from engine.commands.command import OnReservation
from engine.results.reservations import Erased, Found, NotFound


class Erase(OnReservation[Erased | NotFound], frozen=True, tag="erase"):
    """Replaces the details about the customer of a reservation; nothing else changes."""

    details: str


class Find(OnReservation[Found | NotFound], frozen=True, tag="find"):
    """Reads a reservation as it is at this instant."""

    reads = True
