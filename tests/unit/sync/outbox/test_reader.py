"""The decisions of a reader of an outbox by the entries that it got."""

import pytest

from engine.outbox import BEGINNING, Entry, Position
from sync.outbox.reader import next_limit, without_gap


def _entries(*positions: tuple[int, int]) -> list[Entry]:
    return [Entry(Position(*position), b"") for position in positions]


def test_entries_are_taken_up_to_the_first_gap() -> None:
    entries = _entries((5, 1), (5, 2), (5, 4))
    assert without_gap(BEGINNING, entries) == entries[:2]
    assert without_gap(Position(5, 1), entries[1:]) == entries[1:2]
    assert without_gap(Position(5, 2), entries[2:]) == []


def test_a_new_epoch_begins_with_its_first_entry() -> None:
    first, second = Entry(Position(6, 1), b"", before=Position(5, 9)), Entry(Position(6, 2), b"")
    assert without_gap(Position(5, 9), [first, second]) == [first, second]
    assert without_gap(Position(5, 9), [second]) == []
    assert without_gap(Position(5, 9), _entries((4, 10))) == []


@pytest.mark.parametrize("known", [BEGINNING, Position(5, 8), Position(5, 10), Position(4, 9)])
def test_an_epoch_of_a_server_that_knew_another_last_entry_is_not_taken(known: Position) -> None:
    assert without_gap(known, [Entry(Position(6, 1), b"", before=Position(5, 9))]) == []


def _read(limit: int, *, entry_bytes: int, most: int = 500) -> int:
    """The number requested after `limit` entries of that size."""
    return next_limit(limit, [Entry(Position(5, 1), bytes(entry_bytes - 10), bytes(10))] * limit, most)


def test_small_entries_are_read_by_ever_more() -> None:
    assert _read(16, entry_bytes=300) == 32
    assert _read(300, entry_bytes=300) == 500


def test_large_entries_are_read_two_megabytes_at_once() -> None:
    assert _read(16, entry_bytes=100_000) == 20
    assert _read(500, entry_bytes=100_000) == 20
    assert _read(2, entry_bytes=5_000_000) == 1


def test_the_limit_stays_after_a_partial_page() -> None:
    assert next_limit(16, _entries((5, 1), (5, 2)), 500) == 16


def test_an_empty_page_keeps_the_limit() -> None:
    assert next_limit(64, [], 500) == 64
