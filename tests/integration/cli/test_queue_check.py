"""`onsale queue check` on rooms that are right, and on rooms that somebody changed."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from cli.errors import UserError
from cli.queue_check import check_queue, commitment_errors, order_errors, read_room
from engine.engine import Engine
from engine.settings import Settings
from tests.support.engine.waiting_room import EVENT, Room

_NAMES = [f"customer-{number}" for number in range(25)]


class Drawn(NamedTuple):
    """A room whose order is drawn, and the settings with which it is found."""

    room: Room
    settings: Settings


@pytest.fixture
async def drawn(engine_settings: Settings) -> AsyncIterator[Drawn]:
    async with Engine(engine_settings) as engine:
        room = Room(engine)
        await room.publish(sale_in_ms=3_600_000)
        for name in _NAMES:
            await room.join(name)
        await room.open_sale()
        await room.join("late")
        yield Drawn(room, engine_settings)


async def errors_of(drawn: Drawn) -> list[str]:
    stored = await read_room(drawn.settings, EVENT)
    return commitment_errors(stored) + order_errors(EVENT, stored)


async def test_an_order_that_was_drawn_is_right(drawn: Drawn) -> None:
    assert await errors_of(drawn) == []
    await drawn.room.leave(_NAMES[3])
    assert await errors_of(drawn) == [], "the digest cannot be recomputed without who left"


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("secret", "ab" * 32, {"The commitment", "The seed"}),
        ("commitment", "ab" * 32, {"The commitment"}),
        ("cohort", "24", {"The seed", "The digest"}),
        ("digest", "ab" * 20, {"The seed", "The digest"}),
        ("seed", "ab" * 20, {"The seed"}),
    ],
)
async def test_changes_are_found(drawn: Drawn, field: str, value: str, wrong: set[str]) -> None:
    stored = await read_room(drawn.settings, EVENT)
    changed = stored._replace(fields=stored.fields | {field: value})
    errors = commitment_errors(changed) + order_errors(EVENT, changed)
    assert {" ".join(error.split()[:2]) for error in errors} == wrong


async def test_customers_who_changed_places_are_found(drawn: Drawn) -> None:
    stored = await read_room(drawn.settings, EVENT)
    first, second = stored.indexes[_NAMES[0]], stored.indexes[_NAMES[1]]
    swapped = stored._replace(indexes=stored.indexes | {_NAMES[0]: second, _NAMES[1]: first})
    assert order_errors(EVENT, swapped)
    doubled = stored._replace(indexes=stored.indexes | {_NAMES[0]: second})
    assert commitment_errors(doubled)


def test_an_event_without_a_room_is_a_user_error(engine_settings: Settings) -> None:
    with pytest.raises(UserError, match="event 5 has no waiting room"):
        check_queue(engine_settings, 5)
