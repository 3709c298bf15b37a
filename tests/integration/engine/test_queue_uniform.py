"""The draw is uniform: in which order customers join says nothing about their positions.

Arrivals and positions are counted by tenths over many draws. With both margins fixed, the statistic has 81 degrees of
freedom. The control is the same test of a library in which the first to come is the first to be served.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from engine.engine import Engine
from engine.library import library_text
from engine.settings import Settings
from tests.support.effort import SOAKING, effort
from tests.support.engine.waiting_room import Room

JOINS, DRAWS = effort(400, 2000), effort(60, 200)
AT_ONCE = 64
TENTHS = 10
LIMIT = 137.2
"""The chi-square with 81 degrees of freedom that is exceeded once in ten thousand times."""


def batched(names: list[str], size: int) -> Iterator[list[str]]:
    """Slices of a list."""
    return (names[start : start + size] for start in range(0, len(names), size))


async def draw(engine: Engine, event_id: int) -> Counter[tuple[int, int]]:
    """Tenth of the arrival and tenth of the position of each customer of one draw, as the library has them."""
    room = Room(engine, event_id)
    await room.publish(sale_in_ms=3_600_000)
    names = [f"customer-{number}" for number in range(JOINS)]
    for some in batched(names, AT_ONCE):
        await asyncio.gather(*map(room.join, some))
    await room.open_sale()
    places = [place for some in batched(names, AT_ONCE) for place in await asyncio.gather(*map(room.place, some))]
    assert sorted(place.position for place in places) == list(range(JOINS))
    return Counter((place.index * TENTHS // JOINS, place.position * TENTHS // JOINS) for place in places)


async def chi_square(settings: Settings) -> float:
    """The distance of the counts of all draws from those of a fair one."""
    counts = Counter[tuple[int, int]]()
    async with Engine(settings) as engine:
        for event_id in range(1, DRAWS + 1):
            counts += await draw(engine, event_id)
    expected = JOINS * DRAWS / TENTHS**2
    cells = [counts[arrival, position] for arrival in range(TENTHS) for position in range(TENTHS)]
    return sum((count - expected) ** 2 / expected for count in cells)


@pytest.mark.timeout(1800 if SOAKING else 120)
async def test_positions_do_not_depend_on_arrivals(unsynced_settings: Settings) -> None:
    assert await chi_square(unsynced_settings) < LIMIT


async def test_first_come_first_served_fails(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    text = library_text()
    drawn = "    if index >= cohort then\n      return index\n"
    assert text.count(drawn) == 1
    monkeypatch.setattr(
        "engine.library.library_text", lambda: text.replace(drawn, drawn.replace("index >= cohort", "true"))
    )
    monkeypatch.setattr("tests.integration.engine.test_queue_uniform.DRAWS", 2)
    assert await chi_square(unsynced_settings) > LIMIT
