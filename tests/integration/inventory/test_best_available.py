"""Best available: what the library chooses is as good as anything that a plain search of all choices finds."""

import asyncio
import random

import pytest

from engine.commands import BestSeats, Cancel, Find, Hold, Item, NamedSeats, PutEvent, ReadSeatMap, items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.records import Line, SectionMap, Terms, TicketTerms
from engine.results import Cancelled, Found, Held, SeatMap, SoldOut
from engine.words import EventStatus
from tests.integration.inventory.plain_search import Quality, best_quality, blocks, quality_of
from tests.tries import least_of_tries

TICKET_ID = 8
MAPS = 1500


async def put_sections(engine: Engine, event_id: int, texts: list[str]) -> None:
    pools = [f"s{number}" for number in range(len(texts))]
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 100_000, [TicketTerms(TICKET_ID, pools, 100, True)])
    sections = [SectionMap(pool, text) for pool, text in zip(pools, texts, strict=True)]
    await engine.submit(PutEvent(event_id, terms, [], sections))


def random_map(chance: random.Random) -> str:
    taken = chance.choice([0.1, 0.3, 0.5, 0.8])
    return "\n".join(
        "".join("b" if chance.random() < taken else "a" for _ in range(chance.randint(1, 12)))
        for _ in range(chance.randint(1, 6))
    )


def choice_of(lines: list[Line]) -> list[tuple[int, list[int]]]:
    return [(int(line.pool.removeprefix("s")), line.seats) for line in lines]


async def test_choices_are_as_good_as_those_of_a_plain_search(engine: Engine) -> None:
    chance = random.Random(20_261_121)  # noqa: S311  # the same maps every time
    seen: set[str] = set()
    for event_id in range(1, MAPS + 1):
        texts = [random_map(chance) for _ in range(chance.randint(1, 3))]
        n, together = chance.randint(1, 9), chance.random() < 0.3
        await put_sections(engine, event_id, texts)
        hold = Hold(
            new_reservation_id(event_id), event_id, "22", "{}", "", items_text([BestSeats(TICKET_ID, n, together)])
        )
        result = await engine.submit(hold)
        best = best_quality(texts, n, together=together)
        if isinstance(result, Held):
            choice = choice_of(result.record.lines)
            assert sum(len(seats) for _, seats in choice) == n
            assert all(texts[section][seat - 1] == "a" for section, seats in choice for seat in seats)
            assert quality_of(texts, choice) == best, (texts, n, together, choice)
            seen.add("together" if best == Quality(1, *best[1:]) else "groups")
        else:
            assert best is None, (texts, n, together, result)
            largest = max((length for text in texts for _, length in blocks(text)), default=0)
            available = sum(text.count("a") for text in texts)
            assert result == SoldOut(TICKET_ID, available, min(largest, n)), (texts, n, together)
            seen.add("refused")
    assert seen == {"together", "groups", "refused"}, "the maps cover all outcomes"


async def test_best_seats_go_round_those_named_in_the_same_reservation(engine: Engine) -> None:
    await put_sections(engine, 1, ["aaaaa"])
    items: list[Item] = [BestSeats(TICKET_ID, 2, True), NamedSeats(TICKET_ID, 2, "s0", [1, 2])]
    result = await engine.submit(Hold(new_reservation_id(1), 1, "22", "{}", "", items_text(items)))
    assert isinstance(result, Held)
    assert sorted(line.seats for line in result.record.lines) == [[1, 2], [3, 4]]


def best(n: int, *, together: bool) -> Hold:
    return Hold(new_reservation_id(1), 1, "22", "{}", "", items_text([BestSeats(TICKET_ID, n, together)]))


async def micros_of(engine: Engine, *commands: Hold) -> tuple[float, list[type]]:
    """The time that the server says it spent on one call with these holds, and what it answered."""
    await engine.redis.execute_command("CONFIG", "RESETSTAT")
    results = await asyncio.gather(*map(engine.submit, commands))
    stats = (await engine.redis.info("commandstats"))["cmdstat_fcall"]
    assert stats["calls"] == 1
    return stats["usec"], [type(result) for result in results]


@pytest.mark.alone
@pytest.mark.parametrize("n", [1, 4, 10])
async def test_a_search_over_a_stadium_takes_less_than_a_millisecond(engine: Engine, n: int) -> None:
    """60,000 seats in 2,000 rows, half of them not to be had."""
    rows = ["b" * 30] * 1000 + ["a" * 30] * 1000
    await put_sections(engine, 1, ["\n".join(rows)])
    held = 0

    async def search() -> float:
        nonlocal held
        micros, kinds = await micros_of(engine, best(n, together=True))
        assert kinds == [Held]
        held += n
        return micros

    assert await least_of_tries(search, 1000) < 1000
    seat_map = await engine.submit(ReadSeatMap(1, "s0"))
    assert isinstance(seat_map, SeatMap)
    assert seat_map.text.count("h") == held


@pytest.mark.alone
@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("together", [True, False])
async def test_nor_does_one_over_single_seats_take_more(engine: Engine, n: int, *, together: bool) -> None:
    """60,000 seats, no two neighbours to be had: every search goes over all of them."""
    await put_sections(engine, 1, ["\n".join(["ab" * 15] * 2000)])

    async def search() -> float:
        micros, kinds = await micros_of(engine, best(n, together=together))
        assert kinds == [SoldOut if together else Held]
        return micros

    assert await least_of_tries(search, 1000) < 1000


@pytest.mark.alone
async def test_searches_of_one_call_learn_from_one_another(engine: Engine) -> None:
    """128 in one call take less than 5 ms, though the first of each goes over all 60,000 seats."""
    await put_sections(engine, 1, ["\n".join(["ab" * 15] * 2000)])

    async def search() -> float:
        micros, kinds = await micros_of(engine, *(best(3, together=True) for _ in range(128)))
        assert kinds == [SoldOut] * 128
        return micros

    assert await least_of_tries(search, 5000) < 5000


async def test_what_a_search_learned_is_forgotten_when_seats_come_back(engine: Engine) -> None:
    await put_sections(engine, 1, ["aaab\nab"])
    first = best(3, together=True)
    await engine.submit(first)
    again = best(3, together=True)
    results = await asyncio.gather(*map(engine.submit, [best(3, together=True), Cancel(first.reservation_id), again]))
    assert [type(result) for result in results] == [SoldOut, Cancelled, Held]
    found = await engine.submit(Find(again.reservation_id))
    assert isinstance(found, Found)
    assert found.record.lines[0].seats == [1, 2, 3]
