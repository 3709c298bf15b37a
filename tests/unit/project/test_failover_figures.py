"""The figures of `make failover`: how long sales stood still, and what that did to others."""

from typing import Any

from tests.support.cluster.figures import Figures, figures_of, late, table
from tests.support.cluster.history import Sold

HIT, OTHER = 1, 2
FRONT: Any = None


def sold(at: float, event_id: int, seconds: float = 0.01) -> Sold:
    return Sold(at, event_id, FRONT, seconds)


def test_the_pause_is_the_longest_time_without_a_sale_of_an_event_that_was_hit() -> None:
    sales = [sold(99.9, HIT), *(sold(100 + second, OTHER) for second in range(1, 6)), sold(102.5, HIT), sold(104, HIT)]
    figures = figures_of("kill", sales, 100, 105, {HIT})
    assert figures.pause_seconds == 2.5
    assert round(figures.p99_ms) == 10


def test_an_event_that_never_sells_again_has_paused_to_the_end() -> None:
    assert figures_of("kill", [sold(101, OTHER)], 100, 105, {HIT}).pause_seconds == 5


def test_sales_before_the_failure_are_calm() -> None:
    sales = [sold(99.5, HIT, 0.02), sold(99.8, OTHER, 0.02), sold(101, OTHER, 0.5), sold(102, OTHER, 0.5)]
    figures = figures_of("kill", sales, 100, 105, {HIT})
    assert (round(figures.calm_ms), round(figures.p99_ms)) == (20, 500)


def test_medians_show_the_slow_steps() -> None:
    prompt = [Figures("kill", 2.0, 30, 20), Figures("kill", 2.5, 40, 20), Figures("kill", 9.0, 500, 20)]
    assert late(prompt, 3) == [], "one of three met with others of the machine"
    slow = [Figures("kill", 3.5, 30, 20), Figures("move", 0.1, 61, 20), Figures("kill all", 8.0, 0, 20)]
    assert late(slow, 3) == [
        "kill: sales went on after 3.5 s, at most 3.0",
        "move: p99 of other partitions is 61 ms, and 20 right before",
    ]
    busy = [Figures("move", 0.1, 61, 20), Figures("move", 0.1, 300, 150), Figures("move", 0.1, 300, 150)]
    assert late(busy, 3) == [], "the machine was slow right before, too"


def test_the_table_has_a_row_for_each_failure() -> None:
    figures = [Figures("kill", 2.0, 30, 20), Figures("kill", 3.0, 50, 20), Figures("kill all", 8.0, 0, 20)]
    rows = table(figures).splitlines()
    assert rows[-2:] == ["| kill | 2 | 2.5 | 3.0 | 40 | 20 | 2.0 |", "| kill all | 1 | 8.0 | 8.0 | none |  |  |"]
