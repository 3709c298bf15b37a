"""Plays of Hypothesis that are the same in every run."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
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
