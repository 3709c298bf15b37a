"""The best seats, searched plainly: every block and every run of rows is looked at, and judged."""

from itertools import groupby
from typing import NamedTuple


class Block(NamedTuple):
    """Available seats side by side, none available beside them: their text, row, first place and number."""

    section: int
    row: int
    first: int
    length: int


def blocks(text: str) -> list[tuple[int, int]]:
    """First place and length of each maximal block of available seats."""
    found = []
    place = 1
    for seat, run in groupby(text):
        length = len(list(run))
        if seat == "a":
            found.append((place, length))
        place += length
    return found


def all_blocks(texts: list[str]) -> list[Block]:
    """The blocks of all texts, in the order of the manifest."""
    return [
        Block(section, text[: first - 1].count("\n"), first, length)
        for section, text in enumerate(texts)
        for first, length in blocks(text)
    ]


def alone(texts: list[str]) -> int:
    """The number of single available seats: nobody can sit beside a customer there."""
    return sum(block.length == 1 for block in all_blocks(texts))


def taken(texts: list[str], choice: list[list[int]]) -> list[str]:
    """The texts once these seats, places by text, are held."""
    return [
        "".join("h" if place in seats else seat for place, seat in enumerate(text, 1))
        for text, seats in zip(texts, map(set, choice), strict=True)
    ]


def least_alone(texts: list[str], n: int) -> int | None:
    """The fewest seats alone after n seats side by side were taken, wherever they are; None if no row has them."""
    return min(
        (
            alone(taken(texts, _only(texts, block.section, range(block.first + shift, block.first + shift + n))))
            for block in all_blocks(texts)
            for shift in range(block.length - n + 1)
        ),
        default=None,
    )


def groups_of(seats: list[int]) -> list[int]:
    """The sizes of the groups that sit side by side, of places in ascending order."""
    sizes: list[int] = []
    for before, place in zip([0, *seats], seats, strict=False):
        if sizes and place == before + 1:
            sizes[-1] += 1
        else:
            sizes.append(1)
    return sizes


def rows_of(text: str, seats: list[int]) -> list[int]:
    """The rows of these places, each once."""
    return sorted({text[: place - 1].count("\n") for place in seats})


def must_sit_alone(texts: list[str], n: int) -> bool:
    """True if n people cannot all have a neighbour, wherever they sit."""
    sums = {0}
    for block in all_blocks(texts):
        sums |= {so_far + size for so_far in sums for size in range(2, block.length + 1) if so_far + size <= n}
    return n not in sums


def best_seats(texts: list[str], n: int, *, together: bool) -> list[list[int]] | None:
    """The seats to choose, per text; None if they are not available."""
    found = all_blocks(texts)
    if sum(block.length for block in found) < n:
        return None
    block = _side_by_side(found, n)
    if block is not None:
        return _only(texts, block.section, range(block.first, block.first + n))
    if together:
        return None
    chosen: list[list[int]] = [[] for _ in texts]
    for part, size in _parted(_to_part(texts, found, n), n).items():
        chosen[part.section] += range(part.first, part.first + size)
    return [sorted(seats) for seats in chosen]


def _side_by_side(found: list[Block], n: int) -> Block | None:
    """A single customer gets a single seat; several get a block that leaves no single seat. They get the first such
    row, and in it a block that they fill. If there is no such block, they get the first row that has room."""
    roomy = [block for block in found if block.length >= n]
    kind = [block for block in roomy if block.length - n != 1]
    if n == 1:
        kind = [block for block in kind if block.length == 1] or kind
    if not kind:
        return roomy[0] if roomy else None
    row = [block for block in kind if block[:2] == kind[0][:2]]
    return next((block for block in row if block.length == n), row[0])


def _to_part(texts: list[str], found: list[Block], n: int) -> list[Block]:
    """The blocks that n people sit in, largest first."""
    lonely = must_sit_alone(texts, n)
    fit = found if lonely else [block for block in found if block.length > 1]
    chosen = neighbouring(texts, fit, n, lonely=lonely)
    if chosen:
        return sorted(chosen, key=lambda block: -block.length)
    return _largest(fit, n)


def _largest(found: list[Block], n: int) -> list[Block]:
    """The largest blocks, until they have enough seats and as many as the next one has to choose from."""
    chosen: list[Block] = []
    for block in sorted(found, key=lambda block: -block.length):
        if sum(each.length for each in chosen) >= n + block.length:
            break
        chosen.append(block)
    return chosen


def neighbouring(texts: list[str], found: list[Block], n: int, *, lonely: bool) -> list[Block]:
    """The blocks of the first of the fewest rows that have room for n people, nobody alone unless `lonely`."""
    runs: list[tuple[int, int, int]] = []
    for section, text in enumerate(texts):
        rows = text.count("\n") + 1
        for first in range(rows):
            for count in range(1, rows - first + 1):
                inside = _inside(found, section, first, count)
                if {block.row for block in inside} != set(range(first, first + count)):
                    break
                if sum(block.length for block in inside) >= n and (lonely or _can_part(inside, n)):
                    runs.append((count, section, first))
                    break
    if not runs:
        return []
    count, section, first = min(runs)
    return _inside(found, section, first, count)


def _inside(found: list[Block], section: int, first: int, count: int) -> list[Block]:
    return [block for block in found if block.section == section and first <= block.row < first + count]


def _can_part(found: list[Block], n: int) -> bool:
    return n % 2 == 0 or any(block.length > 2 for block in found)


def _parted(found: list[Block], n: int) -> dict[Block, int]:
    """The number of people in each block: the largest are filled, and the rest sits where it leaves no seat alone."""
    sizes: dict[Block, int] = {}
    left = list(found)
    while n > 0 and left and left[0].length <= n:
        block = left.pop(0)
        sizes[block] = block.length
        n -= block.length
    if n == 1:
        for joining, any_fit in ((2, False), (3, False), (1, False), (1, True)):
            for block in reversed(list(sizes)):
                fit = _fit(left, 1 + joining, any_fit=any_fit)
                if block.length >= joining + 2 and fit:
                    return sizes | {block: block.length - joining, fit: 1 + joining}
    fit = _fit(left, n, any_fit=True) if n else None
    return sizes | ({fit: n} if fit else {})


def _fit(left: list[Block], n: int, *, any_fit: bool) -> Block | None:
    by_rank: dict[int, Block] = {}
    for block in sorted(left):
        spare = block.length - n
        if spare >= 0 and (spare != 1 or any_fit):
            by_rank.setdefault({0: 0, 1: 2}.get(spare, 1), block)
    return by_rank[min(by_rank)] if by_rank else None


def _only(texts: list[str], section: int, seats: range) -> list[list[int]]:
    return [list(seats) if number == section else [] for number in range(len(texts))]
