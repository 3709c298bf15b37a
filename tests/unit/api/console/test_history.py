"""The page's figures from counts at different instants (history.js), computed by Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import api.console.handlers

HISTORY = Path(api.console.handlers.__file__).with_name("page") / "history.js"
AT_MOST = [1.0, 5.0, 25.0]


@pytest.fixture
def told(tmp_path: Path) -> Any:
    program = shutil.which("node")
    assert program, "this test runs JavaScript: apt-get install nodejs"
    (tmp_path / "history.mjs").write_text(HISTORY.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "program.mjs").write_text(
        """
        import { History } from "./history.mjs";
        const history = new History();
        const shown = JSON.parse(process.argv[2]).map((now) => {
          history.add(now);
          return { sales: history.salesOf(1), refused: history.refusedOf(1), holds: history.holds() };
        });
        console.log(JSON.stringify(shown, (key, value) => (value === Infinity ? "more" : value)));
        """,
        encoding="utf-8",
    )

    def run(*answers: Any) -> Any:
        command = [program, str(tmp_path / "program.mjs"), json.dumps(answers)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)

    return run


def now(second: int, sold: int | None = 0, *, counting: str = "a", refused: Any = None, answers: Any = None) -> Any:
    places = None if sold is None else {"sold": sold}
    return {
        "as_of": f"2027-06-01T10:{second // 60:02}:{second % 60:02}Z",
        "counting": counting,
        "events": [{"id": 1, "places": places, "refused": refused or {}}],
        "health": {"hold_times": {"at_most_ms": AT_MOST, "answers": answers or [0, 0, 0, 0]}},
    }


def test_sales_per_minute_are_those_of_the_last_minute(told: Any) -> None:
    first, short, later, last = told(now(0, 0), now(2, 4), now(10, 20), now(70, 50))
    assert (first["sales"], short["sales"]) == (None, None), "too short to tell"
    assert later["sales"] == {"perMinute": 120, "seconds": 10}
    assert last["sales"] == {"perMinute": 30, "seconds": 60}, "what is older than a minute is forgotten"


def test_places_that_come_back_are_no_sales(told: Any) -> None:
    assert told(now(0, 10), now(5, 4), now(10, 5))[-1]["sales"] == {"perMinute": 6, "seconds": 10}


def test_instants_at_which_redis_was_away_are_left_out(told: Any) -> None:
    assert told(now(0, 0), now(5, None), now(10, 5))[-1]["sales"] == {"perMinute": 30, "seconds": 10}


def test_refusals_are_those_of_the_last_minute_most_first(told: Any) -> None:
    shown = told(
        now(0, refused={"sold_out": 5}),
        now(30, refused={"sold_out": 6, "seat_taken": 3}),
        now(90, refused={"sold_out": 6, "seat_taken": 4}),
    )
    assert [each["refused"] for each in shown] == [
        None,
        {"counts": [["seat_taken", 3], ["sold_out", 1]], "seconds": 30},
        {"counts": [["seat_taken", 1]], "seconds": 60},
    ]


def test_the_time_of_99_in_a_hundred_is_interpolated(told: Any) -> None:
    before, after = now(0, answers=[100, 0, 0, 0]), now(10, answers=[190, 8, 2, 0])
    assert told(before, after)[-1]["holds"] == {"ms": 15, "answers": 100, "seconds": 10, "longest": 25}
    assert told(now(0), now(10))[-1]["holds"]["ms"] is None
    assert told(now(0), now(10, answers=[1, 0, 0, 9]))[-1]["holds"]["ms"] == "more"


@pytest.mark.parametrize(
    "restarted",
    [
        now(10, refused={"sold_out": 1}, answers=[1, 0, 0, 0]),
        now(10, counting="b", refused={"sold_out": 9}, answers=[9, 0, 0, 0]),
    ],
    ids=["numbers_fall", "another_server"],
)
def test_counts_that_start_again_are_not_compared(told: Any, restarted: Any) -> None:
    before = now(0, refused={"sold_out": 5}, answers=[5, 0, 0, 0])
    again = restarted | {"as_of": "2027-06-01T10:00:20Z"}
    shown = told(before, restarted, again)
    assert (shown[1]["refused"], shown[1]["holds"]) == (None, None)
    assert (shown[2]["refused"]["counts"], shown[2]["holds"]["answers"]) == ([], 0)


def test_an_answer_of_a_server_whose_clock_is_behind_is_left_out(told: Any) -> None:
    assert told(now(10, 0), now(5, 100), now(20, 10))[-1]["sales"] == {"perMinute": 60, "seconds": 10}
