"""The order of a waiting room is a permutation; the chances of a customer do not depend on when it came."""

from collections.abc import Callable

import pytest

from engine.waiting_rooms import commitment_of, digest_of, new_proposal, position_of, seed_of
from tests.support.effort import effort

JOINS = 2_000
LIMIT = 137.3
"""Chi-square of 81 degrees of freedom is above this in one of 10,000 cases."""


def draws() -> int:
    return effort(30, 200)


def seed(number: int) -> str:
    return seed_of(f"{number:064x}", 7, JOINS, "digest")


def chi_square(position: Callable[[int, int], int]) -> float:
    """The distance of arrival deciles by position deciles from all alike; `position` is of a draw and an index."""
    cells = [[0] * 10 for _ in range(10)]
    for draw in range(draws()):
        for index in range(JOINS):
            cells[index * 10 // JOINS][position(draw, index) * 10 // JOINS] += 1
    expected = draws() * JOINS / 100
    return sum((cell - expected) ** 2 / expected for row in cells for cell in row)


def test_positions_do_not_depend_on_arrival() -> None:
    seeds = [seed(number) for number in range(draws())]
    assert chi_square(lambda draw, index: position_of(index, JOINS, seeds[draw])) < LIMIT


def test_the_same_test_sees_that_first_come_first_served_is_no_lottery() -> None:
    assert chi_square(lambda _draw, index: index) > 100 * LIMIT


def test_a_small_cohort_is_as_fair() -> None:
    """Of three customers each is first in a third of all draws, and each order is as frequent as any other."""
    orders: dict[tuple[int, ...], int] = {}
    for number in range(6_000):
        order = tuple(position_of(index, 3, seed(number)) for index in range(3))
        orders[order] = orders.get(order, 0) + 1
    assert len(orders) == 6
    assert sum((count - 1000) ** 2 / 1000 for count in orders.values()) < 27  # 5 degrees of freedom, 1 in 10,000


@pytest.mark.parametrize("cohort", [1, 2, 3, 4, 5, 99, 100, 101, 1024])
def test_positions_are_a_permutation(cohort: int) -> None:
    positions = [position_of(index, cohort, seed(1)) for index in range(cohort)]
    assert sorted(positions) == list(range(cohort))
    assert [position_of(index, cohort, seed(1)) for index in (cohort, cohort + 5)] == [cohort, cohort + 5]
    assert position_of(0, 0, seed(1)) == 0


def test_another_seed_is_another_order() -> None:
    orders = {tuple(position_of(index, 100, seed(number)) for index in range(100)) for number in range(50)}
    assert len(orders) == 50


def test_a_secret_is_long_and_its_commitment_is_its_hash() -> None:
    proposals = {new_proposal() for _ in range(100)}
    assert len({proposal.secret for proposal in proposals}) == 100
    assert all(len(proposal.secret) == 64 for proposal in proposals)
    assert all(commitment_of(proposal.secret) == proposal.commitment for proposal in proposals)
    assert commitment_of("00") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_the_digest_tells_the_order_of_the_customers() -> None:
    assert digest_of([]) == ""
    assert len({digest_of(names) for names in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", "c"])}) == 4
