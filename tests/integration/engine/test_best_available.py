"""Best available: what the library chooses is as good as anything that a plain search of all choices finds."""

import asyncio
import random

import pytest

from engine.commands.events import Count, PutEvent
from engine.commands.holds import Cancel, Hold, Replace
from engine.commands.items import BestSeats, Item, NamedSeats, items_text
from engine.commands.reservations import Find
from engine.commands.seats import ReadSeatMap
from engine.engine import Engine
from engine.errors import EngineBug
from engine.ids import new_reservation_id
from engine.results.events import Counts
from engine.results.holds import Cancelled, Held, SoldOut
from engine.results.reservations import Found
from engine.results.result import Result
from engine.results.seats import SeatMap
from engine.stock import SectionMap
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from tests.support.effort import effort
from tests.support.engine.plain_search import (
    all_blocks,
    alone,
    best_seats,
    blocks,
    groups_of,
    least_alone,
    must_sit_alone,
    neighbouring,
    rows_of,
    taken,
)
from tests.support.timing import least_of_tries

TICKET_ID = 8
MAPS, FILLINGS = effort(1000, 3000), effort(2000, 10_000)
AT_ONCE = 100


async def put_sections(engine: Engine, event_id: int, texts: list[str]) -> None:
    pools = [f"s{number}" for number in range(len(texts))]
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 100_000, [TicketTerms(TICKET_ID, pools, 100, True)])
    sections = [SectionMap(pool, text) for pool, text in zip(pools, texts, strict=True)]
    await engine.submit(PutEvent(event_id, terms, [], sections))


def random_map(chance: random.Random, most_seats: int = 12) -> str:
    share = chance.choice([0.1, 0.3, 0.5, 0.8])
    return "\n".join(
        "".join("b" if chance.random() < share else "a" for _ in range(chance.randint(1, most_seats)))
        for _ in range(chance.randint(1, most_seats // 2))
    )


def random_wish(chance: random.Random) -> tuple[list[str], int, bool]:
    texts = [random_map(chance) for _ in range(chance.randint(1, 3))]
    return texts, chance.randint(1, 9), chance.random() < 0.3


async def choose(engine: Engine, first_event: int, asked: list[tuple[list[str], int, bool]]) -> list[Result]:
    """The library's choice in each of these houses."""
    await asyncio.gather(*(put_sections(engine, first_event + i, texts) for i, (texts, _, _) in enumerate(asked)))
    holds = [
        Hold(new_reservation_id(event_id), event_id, "22", "{}", "", items_text([BestSeats(TICKET_ID, n, together)]))
        for event_id, (_, n, together) in enumerate(asked, first_event)
    ]
    return list(await asyncio.gather(*map(engine.submit, holds)))


def seats_by_section(texts: list[str], result: Held) -> list[list[int]]:
    chosen: list[list[int]] = [[] for _ in texts]
    for line in result.record.lines:
        chosen[int(line.pool.removeprefix("s"))] += line.seats
    return chosen


async def test_choices_are_those_of_a_plain_search(engine: Engine) -> None:
    chance = random.Random(20_261_121)  # noqa: S311  # the same maps every time
    seen: set[str] = set()
    for first in range(1, MAPS + 1, AT_ONCE):
        asked = [random_wish(chance) for _ in range(AT_ONCE)]
        for (texts, n, together), result in zip(asked, await choose(engine, first, asked), strict=True):
            best = best_seats(texts, n, together=together)
            if isinstance(result, Held):
                assert seats_by_section(texts, result) == best, (texts, n, together)
                seen.add("together" if sum(len(groups_of(seats)) for seats in best or []) == 1 else "groups")
            else:
                assert best is None, (texts, n, together, result)
                largest = max((length for text in texts for _, length in blocks(text)), default=0)
                available = sum(text.count("a") for text in texts)
                assert isinstance(result, SoldOut), (texts, n, together)
                assert (result.available, result.largest_block) == (available, min(largest, n)), (texts, n, together)
                seen.add("refused")
    assert seen == {"together", "groups", "refused"}, "the maps cover all outcomes"


async def test_no_more_seats_are_left_alone_than_by_an_exhaustive_search(engine: Engine) -> None:
    """Of random fillings; and nobody sits alone who could have a neighbour, nor in more rows than must be."""
    chance = random.Random(7)  # noqa: S311  # the same maps every time
    side_by_side = in_groups = more_alone = in_more_rows = 0
    for first in range(1, FILLINGS + 1, AT_ONCE):
        asked = [([random_map(chance, most_seats=8)], chance.randint(1, 7), False) for _ in range(AT_ONCE)]
        for (texts, n, _), result in zip(asked, await choose(engine, first, asked), strict=True):
            if not isinstance(result, Held):
                continue
            chosen = seats_by_section(texts, result)
            least = least_alone(texts, n)
            if least is not None:
                side_by_side += 1
                assert sum(len(groups_of(seats)) for seats in chosen) == 1, "together wherever they can be"
                more_alone += alone(taken(texts, chosen)) > least
                continue
            in_groups += 1
            lonely = must_sit_alone(texts, n)
            assert lonely or all(size > 1 for seats in chosen for size in groups_of(seats)), (texts, n, chosen)
            fit = [block for block in all_blocks(texts) if lonely or block.length > 1]
            fewest = len({block.row for block in neighbouring(texts, fit, n, lonely=lonely)})
            used = sum(len(rows_of(text, seats)) for text, seats in zip(texts, chosen, strict=True))
            in_more_rows += 0 < fewest < used
    assert side_by_side > FILLINGS / 3
    assert in_groups > FILLINGS / 20
    assert more_alone <= side_by_side / 100
    assert in_more_rows == 0


@pytest.mark.parametrize(
    ("texts", "n", "chosen"),
    [
        (["aaa\naa"], 2, [[5, 6]]),  # a row that fits exactly, rather than one that leaves a seat alone
        (["aaaa\naa"], 2, [[1, 2]]),  # but the first row, where it leaves nobody alone
        (["aaabaa"], 2, [[5, 6]]),
        (["aaa", "aa"], 2, [[], [1, 2]]),
        (["aaa\naaa"], 2, [[1, 2]]),  # not possible without
        (["aaa\nba"], 1, [[6]]),
        (["aab\naaaa"], 1, [[5]]),
        (["aaab\naaaa\nbbbb\naaaa"], 5, [[1, 2, 3, 6, 7]]),
        (["aaba\naabb\nbbaa"], 4, [[1, 2, 6, 7]]),
        (["aaaab\naabbb\nabbbb"], 5, [[1, 2, 3, 7, 8]]),  # three and two, not four and one
        (["aaaa\nbbbb\naaaa\naaaa"], 6, [[11, 12, 13, 14, 16, 17]]),  # rows that are neighbours
        (["aabaa\naaabb\naaabb"], 4, [[1, 2, 4, 5]]),  # one row
        (["abab\nabab"], 3, [[1, 3, 6]]),
        (["aa", "aa"], 4, [[1, 2], [1, 2]]),
    ],
)
async def test_seats_that_are_chosen(engine: Engine, texts: list[str], n: int, chosen: list[list[int]]) -> None:
    (result,) = await choose(engine, 1, [(texts, n, False)])
    assert isinstance(result, Held)
    assert seats_by_section(texts, result) == chosen
    assert best_seats(texts, n, together=False) == chosen


async def test_best_seats_go_round_those_named_in_the_same_reservation(engine: Engine) -> None:
    await put_sections(engine, 1, ["aaaaa"])
    items: list[Item] = [BestSeats(TICKET_ID, 2, True), NamedSeats(TICKET_ID, 2, "s0", [1, 2])]
    result = await engine.submit(Hold(new_reservation_id(1), 1, "22", "{}", "", items_text(items)))
    assert isinstance(result, Held)
    assert sorted(line.seats for line in result.record.lines) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "items",
    [
        [NamedSeats(TICKET_ID, 2, "s0", [2, 2])],
        [NamedSeats(TICKET_ID, 2, "s0", [1, 2]), NamedSeats(TICKET_ID, 1, "s0", [2])],
    ],
)
async def test_a_seat_that_is_named_twice_is_not_sold_twice(engine: Engine, items: list[Item]) -> None:
    """Callers must not do that; the library raises before it writes."""
    await put_sections(engine, 1, ["aaaaa"])
    with pytest.raises(EngineBug, match="named twice"):
        await engine.submit(Hold(new_reservation_id(1), 1, "22", "{}", "", items_text(items)))
    counts = await engine.submit(Count(1))
    assert isinstance(counts, Counts)
    assert (counts.tickets[0].available, counts.tickets[0].held) == (5, 0)


async def test_a_changed_hold_names_no_seat_of_its_own_twice(engine: Engine) -> None:
    await put_sections(engine, 1, ["aaaaa"])
    rid, wish = new_reservation_id(1), items_text([NamedSeats(TICKET_ID, 2, "s0", [1, 2])])
    assert isinstance(await engine.submit(Hold(rid, 1, "22", "{}", "", wish)), Held)
    with pytest.raises(EngineBug, match="named twice"):
        await engine.submit(Replace(rid, 1, "22", items_text([NamedSeats(TICKET_ID, 2, "s0", [1, 1])])))
    found = await engine.submit(Find(rid))
    assert isinstance(found, Found)
    assert [line.seats for line in found.record.lines] == [[1, 2]]


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
    """60,000 seats in 2,000 rows, half of them not available."""
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
    """60,000 seats, no two neighbours available: every search goes over all of them."""
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


async def test_returned_seats_reset_what_searches_learned(engine: Engine) -> None:
    await put_sections(engine, 1, ["aaab\nab"])
    first = best(3, together=True)
    await engine.submit(first)
    again = best(3, together=True)
    results = await asyncio.gather(*map(engine.submit, [best(3, together=True), Cancel(first.reservation_id), again]))
    assert [type(result) for result in results] == [SoldOut, Cancelled, Held]
    found = await engine.submit(Find(again.reservation_id))
    assert isinstance(found, Found)
    assert found.record.lines[0].seats == [1, 2, 3]
