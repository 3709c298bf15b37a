from collections.abc import Callable
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.support.repeatable_play import play_again, play_until_it_fails


class Wrong(Exception):
    """A failure that the play is to find."""


class Counting(RuleBasedStateMachine):
    """Fails in the fifth step of its third run, and whenever that run is played again."""

    begun: int
    steps: list[int]

    def __init__(self) -> None:
        super().__init__()
        type(self).begun += 1
        self.number = 0

    @rule()
    def step(self) -> None:
        self.number += 1
        self.steps.append(self.number)
        if self.begun >= 3 and self.number == 5:
            raise Wrong


@pytest.mark.parametrize(("play", "runs"), [(play_until_it_fails, 3), (play_again, 4)])
def test_a_run_that_was_to_fail_is_not_played_again(
    play: Callable[[Callable[[], Any], int, int], None], runs: int
) -> None:
    Counting.begun, Counting.steps = 0, []
    with pytest.raises(Wrong):
        play(Counting, 10, 8)
    assert Counting.begun == runs
    assert Counting.steps[-5:] == [1, 2, 3, 4, 5]


def test_a_play_that_does_not_fail_ends() -> None:
    Counting.begun, Counting.steps = 0, []
    play_until_it_fails(Counting, 2, 8)
    assert Counting.begun == 2
