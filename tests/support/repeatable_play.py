"""Plays of Hypothesis that are the same in every run."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test


def play_again(machine: Callable[[], Any], runs: int, steps: int, *, shrinks: bool = False) -> None:
    """Plays the same runs every time. A failure tells all that was done in its run, and the blob that repeats it.

    `shrinks`: it is made as short as possible first, which takes many more runs.
    """
    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # anything that makes a machine will do
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            print_blob=True,
            database=None,
            phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def play_until_it_fails(machine: Callable[[], Any], runs: int, steps: int) -> None:
    """Plays the runs of `play_again` until one fails, for tests that expect a failure. Raises what it raised, at once.

    Hypothesis would play that run again, to tell all that was done in it. That takes as long as several runs.
    """

    def make() -> Any:
        made = machine()
        made.teardown = partial(_end, made.teardown)
        return made

    try:
        play_again(make, runs, steps)
    except _Failed as failed:
        raise failed.error from None


class _Failed(BaseException):
    """Not an Exception, because Hypothesis plays a run again after any of those."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _end(teardown: Callable[[], None]) -> None:
    teardown()
    error = sys.exception()  # of the run that ends
    if isinstance(error, Exception) and not isinstance(error, HypothesisException):
        raise _Failed(error)
