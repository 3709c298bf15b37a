"""Judgement of rounds: slowness of the machine passes, ours does not."""

import pytest

from tests.support.timing import Round, are_good


def long_at(*places: int, seconds: float = 3.0, ms: float = 8.0) -> Round:
    return Round(seconds, [ms if place in places else 1.5 for place in range(1563)])


@pytest.mark.parametrize(
    "rounds",
    [
        [long_at(7), long_at()],
        [long_at(7), long_at(300, 301), long_at(8), long_at(7)],
        [long_at(7, seconds=6), long_at(8, seconds=6), long_at(9), long_at(10, seconds=6)],
    ],
    ids=["one was good", "never the same call", "slow, but for one"],
)
def test_passing_slowness_is_the_machines(rounds: list[Round]) -> None:
    assert are_good(rounds, 5)


@pytest.mark.parametrize(
    "rounds",
    [
        [long_at(0, 7), long_at(0), long_at(0, 9), long_at(0)],
        [long_at(*range(first, 1563, 20)) for first in range(4)],
        [long_at(seconds=5.1)] * 4,
        [Round(3.0, [5.1] * 1563)] * 4,
    ],
    ids=["always the first call", "each time another twentieth of the calls", "too slow", "all calls"],
)
def test_lasting_slowness_is_ours(rounds: list[Round]) -> None:
    assert not are_good(rounds, 5)
