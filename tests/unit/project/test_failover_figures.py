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
    one = figures_of("kill", sales, 100, 105, {HIT})
    assert one.pause_seconds == 2.5
    assert one.others == [0.01] * 4


def test_an_event_that_never_sells_again_has_paused_to_the_end() -> None:
    assert figures_of("kill", [sold(101, OTHER)], 100, 105, {HIT}).pause_seconds == 5


def test_sales_before_the_failure_are_calm() -> None:
    sales = [sold(99.5, HIT, 0.02), sold(99.8, OTHER, 0.02), sold(101, OTHER, 0.5), sold(102, OTHER, 0.5)]
    one = figures_of("kill", sales, 100, 105, {HIT})
    assert (one.calm, one.others) == ([0.02, 0.02], [0.5, 0.5])


def figures(failure: str, pause_seconds: float, others_ms: float = 30, calm_ms: float = 20) -> Figures:
    """A failure beside which each sale of others took as long."""
    others = [others_ms / 1000] * 50 if others_ms else []
    return Figures(failure, pause_seconds, others, [calm_ms / 1000] * 100)


def test_medians_show_the_slow_steps() -> None:
    prompt = [figures("kill", 2.0), figures("kill", 2.5), figures("kill", 9.0)]
    assert late(prompt, 3) == [], "one of three met with others of the machine"
    slow = [figures("kill", 3.5), figures("move", 0.1, 61), figures("kill all", 8.0, 0)]
    assert late(slow, 3) == [
        "kill: sales went on after 3.5 s, at most 3.0",
        "move: p99 of other partitions is 61 ms, and 20 right before",
    ]


def test_one_slow_sale_of_many_failures_is_less_than_a_hundredth() -> None:
    """The p99 of the fifty sales beside one failure would be the slowest of them."""
    many = [figures("move", 0.1) for _ in range(3)]
    many[0].others[7] = 0.9
    assert late(many, 3) == []
    for each in many:
        each.others[:2] = [0.9, 0.9]
    assert late(many, 3) == ["move: p99 of other partitions is 900 ms, and 20 right before"]


def test_a_machine_that_was_slow_right_before_is_no_fault() -> None:
    assert late([figures("move", 0.1, 300, 150), figures("move", 0.1, 300, 150)], 3) == []


def test_the_table_has_a_row_for_each_failure() -> None:
    rows = table([figures("kill", 2.0, 40), figures("kill", 3.0, 40), figures("kill all", 8.0, 0)]).splitlines()
    assert rows[-2:] == ["| kill | 2 | 2.5 | 3.0 | 40 | 20 | 2.0 |", "| kill all | 1 | 8.0 | 8.0 | none |  |  |"]
