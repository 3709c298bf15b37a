"""The best seats, searched plainly: every choice is looked at, and judged."""

from itertools import groupby
from typing import NamedTuple


class Quality(NamedTuple):
    """How good a choice of seats is; the smaller the better.

    `groups` of neighbours; of one group, the section and row that it is in and how many seats it leaves alone there.
    """

    groups: int
    section: int = 0
    row: int = 0
    alone: int = 0


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


def best_quality(texts: list[str], n: int, *, together: bool) -> Quality | None:
    """The best quality that n seats can have; None if they are not to be had."""
    choices = [
        quality_of(texts, [(section, list(range(first + shift, first + shift + n)))])
        for section, text in enumerate(texts)
        for first, length in blocks(text)
        for shift in range(length - n + 1)
    ]
    if choices:
        return min(choices)
    lengths = sorted((length for text in texts for _, length in blocks(text)), reverse=True)
    if together or sum(lengths) < n:
        return None
    groups = 0
    while n > 0:
        n -= lengths[groups]
        groups += 1
    return Quality(groups)


def quality_of(texts: list[str], choice: list[tuple[int, list[int]]]) -> Quality:
    """The quality of a choice: seats (ascending places) per section."""
    groups = sum(
        1
        for _, seats in choice
        for before, seat in zip([0, *seats], seats, strict=False)
        if seat != before + 1 or before == 0
    )
    if groups > 1:
        return Quality(groups)
    ((section, seats),) = choice
    text = texts[section]
    taken = text[: seats[0] - 1] + "h" * len(seats) + text[seats[-1] :]
    return Quality(1, section, text[: seats[0] - 1].count("\n"), max(0, _alone(taken, seats) - _alone(text, seats)))


def _alone(text: str, seats: list[int]) -> int:
    """Blocks of one seat in the row of these seats."""
    begin = text.rfind("\n", 0, seats[0] - 1) + 1
    end = text.find("\n", seats[0] - 1)
    row = text[begin : end if end >= 0 else len(text)]
    return sum(1 for _, length in blocks(row) if length == 1)


def best_seats(texts: list[str], n: int, *, together: bool) -> list[list[int]] | None:
    """The seats that are to be chosen, per text; None if they are not to be had.

    Side by side: the first row that has room, there the first block that n seats leave no seat of alone, else
    the first.
    In groups: the largest block whole and the first of its size, until the rest stands side by side.
    """
    if sum(text.count("a") for text in texts) < n:
        return None
    chosen: list[list[int]] = [[] for _ in texts]
    while n > 0:
        found = [(number, first, length) for number, text in enumerate(texts) for first, length in blocks(text)]
        size = min(n, max(length for _, _, length in found))
        if together and size < n:
            return None
        roomy = [block for block in found if block[2] >= size]
        row = [block for block in roomy if _row(texts, block) == _row(texts, roomy[0])]
        number, first, _ = next((block for block in row if block[2] != size + 1), row[0])
        seats = list(range(first, first + size))
        chosen[number] += seats
        texts = [
            *texts[:number],
            texts[number][: first - 1] + "h" * size + texts[number][first - 1 + size :],
            *texts[number + 1 :],
        ]
        n -= size
    return [sorted(seats) for seats in chosen]


def _row(texts: list[str], block: tuple[int, int, int]) -> tuple[int, int]:
    number, first, _ = block
    return number, texts[number][: first - 1].count("\n")
