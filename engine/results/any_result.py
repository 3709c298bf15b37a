"""All results of the library, as one type to decode.

A new file of results is named in the imports here, so that its words can be decoded.
"""

from collections.abc import Iterator
from typing import Any, Union

from engine.results import (  # noqa: F401  # each adds its results
    bookings,
    codes,
    etickets,
    events,
    exchanges,
    holds,
    internal,
    limits,
    payments,
    refunds,
    reservations,
    seats,
    waiting_lists,
    waiting_rooms,
)
from engine.results.result import Result


def _results_of(kind: type[Result]) -> Iterator[type[Result]]:
    """The results among a class of results: those that are no class of others."""
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from _results_of(child)


ANY_RESULT: Any = Union[tuple(_results_of(Result))]  # noqa: UP007  # made from a tuple
"""All that the library may answer, as a type to decode."""
