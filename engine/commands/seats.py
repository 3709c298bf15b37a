"""Commands on the seats of an event."""

from engine.commands.command import OnEvent
from engine.results.events import Published, UnknownPool
from engine.results.seats import SeatMap, SeatTaken, SectionsCounted
from engine.stock import SectionSeats


class BlockSeats(OnEvent[Published | SeatTaken | UnknownPool], frozen=True, tag="block_seats"):
    """Takes seats off sale, or puts them back on; all of them or none."""

    sections: list[SectionSeats]
    blocked: bool


class ReadSeatMap(OnEvent[SeatMap | UnknownPool], frozen=True, tag="seat_map"):
    """Reads the state of every seat of a section."""

    reads = True

    pool: str


class CountSections(OnEvent[SectionsCounted | UnknownPool], frozen=True, tag="count_sections"):
    """Reads the counters of all sections that an event's tickets offer."""

    reads = True
