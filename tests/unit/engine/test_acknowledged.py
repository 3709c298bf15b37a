"""The acknowledged entries that a server has, by the ends of its epochs."""

import pytest
from structlog.testing import capture_logs

from engine.acknowledged import REMEMBERED_ENDS, Acknowledged, last_kept
from engine.outbox import BEGINNING, Position

ACKNOWLEDGED = Position(20, 7)


@pytest.mark.parametrize(
    ("now", "ends", "kept"),
    [
        ("20-7", "10-3", None),
        ("20-9", "10-3", None),
        ("30-0", "20-7 10-3", None),
        ("30-5", "20-8", None),
        ("40-1", "30-2 20-7 10-3", None),
        ("30-0", "20-6 10-3", "20-6"),
        ("40-1", "30-2 20-6 10-3", "20-6"),
        ("30-1", "10-3", "10-3"),
        ("40-1", "30-9 15-1 10-3", "15-1"),
        ("10-8", "5-3", "10-8"),
        ("20-6", "10-3", "20-6"),
        ("30-1", "", "0-0"),
        ("90-1", " ".join(f"{epoch}-1" for epoch in range(89, 89 - REMEMBERED_ENDS, -1)), None),
    ],
    ids=[
        *("the same", "more", "a restart", "more before a restart", "two restarts"),
        *(
            "less",
            "less, two restarts ago",
            "not the epoch",
            "not the epoch, long ago",
            "set back",
            "set back within it",
        ),
        *("nothing", "too long ago to tell"),
    ],
)
def test_the_last_kept_position(now: str, ends: str, kept: str | None) -> None:
    found = last_kept(ACKNOWLEDGED, position(now), [position(end) for end in ends.split()])
    assert found == (None if kept is None else position(kept))


def position(text: str) -> Position:
    return Position.parse(text.encode())


def test_a_loss_is_reported_once() -> None:
    lost: list[None] = []
    with capture_logs() as logs:
        known = Acknowledged(3, lambda: lost.append(None))
        for told in ("20-5 10-3", 6, 7, "30-0 20-6 10-3", 1, "40-0 30-1 20-6", "50-0 30-1 20-6"):
            known.learn(told)
    assert len(lost) == 1
    assert known.epoch == "50"
    (line,) = logs
    assert (line["event"], line["partition"], line["acknowledged"], line["kept"]) == (
        "acknowledged_lost",
        3,
        "20-7",
        "20-6",
    )


def test_an_epoch_without_entries_does_not_hide_the_one_before() -> None:
    lost: list[None] = []
    known = Acknowledged(3, lambda: lost.append(None))
    for told in ("20-7", "30-0 20-7", "40-0 20-5"):
        known.learn(told)
    assert len(lost) == 1


def test_callers_without_acknowledgements_miss_nothing() -> None:
    lost: list[None] = []
    known = Acknowledged(3, lambda: lost.append(None))
    for told in ("20-0", "30-0", "40-2", "50-0 40-2"):
        known.learn(told)
    assert lost == []
    assert last_kept(BEGINNING, position("30-0"), []) == BEGINNING, "so nobody asks"
