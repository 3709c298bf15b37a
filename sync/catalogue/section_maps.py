"""The maps of an event's sections: Redis gets those that it has not, and blocks what Postgres says is blocked."""

import asyncio
import re

import structlog

from engine.catalogue import EventSnapshot
from engine.commands.seats import BlockSeats, ReadSeatMap
from engine.engine import Engine
from engine.errors import EngineBug
from engine.results.events import UnknownPool
from engine.results.seats import SeatMap, SeatTaken
from engine.seats import BLOCKED, LENT, SeatPlaces, section_of_pool, section_pool
from engine.stock import SectionMap, SectionSeats
from sync.catalogue.venues import read_sections
from sync.postgres import Connection
from sync.sql import statement

log = structlog.get_logger(__name__)


async def section_seats(connection: Connection, event: EventSnapshot, seat_ids: list[int]) -> list[SectionSeats]:
    """The positions of the offered seats in their sections."""
    found = [
        SectionSeats(section_pool(places.section.section_id), sorted(_places_of(places, seat_ids)))
        for places in await _sections_of(connection, event)
    ]
    return [section for section in found if section.seats]


async def missing_maps(connection: Connection, engine: Engine, event: EventSnapshot) -> list[SectionMap]:
    """The maps of those sections of the event that Redis does not have, as they are before the first hold.

    In those that it has, what is blocked is made as Postgres has it: a crash may have left it otherwise. Raises Fault.
    """
    sections = await _sections_of(connection, event)
    if not sections:
        return []
    blocked = await _blocked(connection, event)
    pools = [section_pool(places.section.section_id) for places in sections]
    known = await asyncio.gather(*(engine.submit(ReadSeatMap(event.event_id, pool)) for pool in pools))
    missing: list[SectionMap] = []
    for pool, places, answer in zip(pools, sections, known, strict=True):
        if isinstance(answer, SeatMap):
            await _settle_blocked(connection, engine, event.event_id, places, answer.text, blocked)
        else:
            missing.append(SectionMap(pool, places.empty_map(blocked)))
    return missing


async def maps_of_event(connection: Connection, event: EventSnapshot) -> list[SectionMap]:
    """The maps of all sections of the event, as they are before the first hold."""
    sections = await _sections_of(connection, event)
    blocked = await _blocked(connection, event) if sections else []
    return [SectionMap(section_pool(places.section.section_id), places.empty_map(blocked)) for places in sections]


async def _blocked(connection: Connection, event: EventSnapshot) -> list[int]:
    return [seat_id for (seat_id,) in await connection.fetch(statement("blocked_seats"), event.event_id)]


async def _sections_of(connection: Connection, event: EventSnapshot) -> list[SeatPlaces]:
    """The sections of which the event's tickets offer seats."""
    section_ids = {section_id for ticket in event.tickets if ticket.assigned for section_id in ticket.section_ids}
    return [SeatPlaces(section) for section in await read_sections(connection, sorted(section_ids))]


async def _settle_blocked(
    connection: Connection, engine: Engine, event_id: int, places: SeatPlaces, text: str, blocked: list[int]
) -> None:
    """Blocks and unblocks seats of a section until it is as Postgres has it.

    A seat that was sold, because Postgres did not get to commit that it was for sale, is sold: Postgres follows.
    """
    pool = section_pool(places.section.section_id)
    shown = {match.end() for match in re.finditer(BLOCKED, text)}
    lent = {match.end() for match in re.finditer(f"[{''.join(LENT.values())}]", text)}
    wanted = _places_of(places, blocked)
    for seats, block in ((shown - wanted, False), (wanted - shown - lent, True)):
        while seats:
            log.warning("blocked_seats_settled", event_id=event_id, pool=pool, seats=sorted(seats), blocked=block)
            result = await engine.submit(BlockSeats(event_id, [SectionSeats(pool, sorted(seats))], block))
            if isinstance(result, UnknownPool):
                raise EngineBug(f"section {section_of_pool(pool)} of event {event_id} has gone")
            if not isinstance(result, SeatTaken):
                break
            taken = [place for section in result.seats for place in section.seats]
            seats -= set(taken)
            gone = [places.seat_at(place)[0] for place in taken]
            log.warning("blocked_seats_taken", event_id=event_id, seat_ids=gone)
            await connection.execute(statement("unblock_seats"), event_id, gone)


def _places_of(section: SeatPlaces, seat_ids: list[int]) -> set[int]:
    """The places of those of the seats that are in the section."""
    return {place for seat_id in seat_ids if (place := section.place_of(seat_id)) is not None}
