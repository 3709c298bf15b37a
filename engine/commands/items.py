"""Items of a hold, and their text for the library."""

from collections.abc import Sequence

import msgspec


class Places(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: places that are all alike."""

    ticket_id: int
    quantity: int


class NamedSeats(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: these seats of one section. `quantity` is how many they are."""

    ticket_id: int
    quantity: int
    pool: str
    seats: list[int]


class BestSeats(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: the best available seats; `together`: all in one row side by side, or none."""

    ticket_id: int
    quantity: int
    together: bool


class TimedPlaces(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: places of a slot, by its local date and time, and by its start in ms since 1970."""

    ticket_id: int
    quantity: int
    slot: str
    start_ms: int


Item = Places | NamedSeats | BestSeats | TimedPlaces
"""One line of a hold."""

ANY_TOTAL = -1
"""Whatever the places cost now."""


def items_text(items: Sequence[tuple[int, int] | Item]) -> str:
    """The items of a hold as text for the library.

    Equal texts mark holds that ask for the same.
    """
    return msgspec.json.encode(items).decode()
