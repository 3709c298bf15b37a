"""Problems quote the request as far as a person needs it, and not 60 kB of it twice."""

from typing import Any

import msgspec
import pytest

from api.http.field_errors import wrong_fields
from api.http.problems import Code, Problem, invalid

LONG = "x" * 60_000


class Part(msgspec.Struct, forbid_unknown_fields=True):
    number: int = 0


class Body(msgspec.Struct, forbid_unknown_fields=True):
    part: Part = msgspec.field(default_factory=Part)
    parts: list[Part] = []


def problem_of(data: Any) -> Problem:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, Body)
    return wrong_fields(caught.value, data, Body)


@pytest.mark.parametrize(
    "data",
    [
        {LONG: 1},
        {"part": {LONG: 1}},
        {"part": {f"{number}{LONG}": 1 for number in range(30)}},
        {"parts": [{LONG: 1}] * 100},
        {"part": {"number": LONG}},
    ],
)
def test_the_name_of_a_field_is_shortened(data: Any) -> None:
    body = problem_of(data).reply().body
    assert len(body) < 12_000, "twenty fields of two hundred characters, and what is said of them"


def test_other_details_too() -> None:
    assert len(Problem(Code.INVALID, LONG).reply().body) < 2000
    assert len(invalid(LONG, "this path takes no query parameters").reply().body) < 2000


def test_short_details_stay_whole() -> None:
    assert problem_of({"nmae": 1}).document().fields == [
        msgspec.convert(
            {"path": "nmae", "message": "unknown; check its name"}, type(problem_of({"nmae": 1}).members["fields"][0])
        )
    ]
