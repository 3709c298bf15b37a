"""Refusals tell a person what is left, and what to do next."""

import pytest

from api.engine_problems import Refusal, problem_of
from engine.results.holds import SoldOut
from engine.results.limits import LimitExceeded


@pytest.mark.parametrize(
    ("refusal", "detail"),
    [
        (LimitExceeded(4, 3), "At most 4 places may be taken here, and 3 of them are; ask for 1 at most."),
        (LimitExceeded(1, 1), "At most 1 place may be taken here, and 1 of them is; no more can be taken."),
        (SoldOut(7, 1, 0, 0), "Only 1 place of ticket 7 is left; ask for fewer."),
        (SoldOut(7, 9, 0, 0), "Only 9 places of ticket 7 are left; ask for fewer."),
        (SoldOut(7, 3, 3, 0), "Only 3 places of ticket 7 are left; ask for fewer."),
        (SoldOut(7, 9, 3, 0), "9 places of ticket 7 are left, at most 3 of them together; ask for 3, or not together."),
        (SoldOut(7, 0, 0, 0), "No place of ticket 7 is left; try again later, or take another."),
        (
            SoldOut(7, 0, 0, 1000),
            "No place of ticket 7 is left; try again at 1970-01-01T00:00:01Z, when a hold may expire.",
        ),
    ],
)
def test_a_refusal_says_what_to_do(refusal: Refusal, detail: str) -> None:
    assert problem_of(refusal).detail == detail
