"""Results about seats."""

from engine.results.result import Result
from engine.stock import PoolCounts, SectionSeats


class SeatTaken(Result, frozen=True, tag="seat_taken"):
    """Some of the seats that were named are not available: these."""

    seats: list[SectionSeats]


class SeatMap(Result, frozen=True, tag="seat_map"):
    """The state of every seat of a section: one character per seat, rows divided by line breaks (engine/seats.py).

    `position` and `exact` are as in Counts.
    """

    now_ms: int
    text: str
    position: str = ""
    exact: bool = False


class SectionsCounted(Result, frozen=True, tag="sections_counted"):
    """The counters of the sections of an event. `position` and `exact` are as in Counts."""

    now_ms: int
    sections: list[PoolCounts]
    position: str = ""
    exact: bool = False
