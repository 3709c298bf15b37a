"""Facts about waiting rooms become columns of rows: what a restore needs of each room, and of each place in line."""

from collections.abc import Sequence
from typing import Any

from engine.facts import QueueFact
from engine.words import QueueFactWord

_OF_ROOMS = (QueueFactWord.OPENED, QueueFactWord.DRAWN)


def room_columns(facts: Sequence[QueueFact]) -> Sequence[Sequence[Any]]:
    """Events, secrets, instants of the opening, cohorts, digests and instants of the draw; unknown: empty and 0."""
    rooms: dict[int, list[Any]] = {}
    for fact in facts:
        if fact.word is QueueFactWord.OPENED:
            rooms.setdefault(fact.event_id, ["", 0, 0, "", 0])[:2] = [fact.text, fact.at_ms]
        elif fact.word is QueueFactWord.DRAWN:
            rooms.setdefault(fact.event_id, ["", 0, 0, "", 0])[2:] = [fact.index, fact.text, fact.at_ms]
    return [list(rooms), *([room[number] for room in rooms.values()] for number in range(5))]


def place_columns(facts: Sequence[QueueFact]) -> Sequence[Sequence[Any]]:
    """Events, indexes, customers, and the instants at which each joined, last entered and left; unknown: 0."""
    places: dict[tuple[int, int], list[Any]] = {}
    for fact in facts:
        if fact.word not in _OF_ROOMS:
            place = places.setdefault((fact.event_id, fact.index), [fact.customer_id, 0, 0, 0])
            at = {QueueFactWord.JOINED: 1, QueueFactWord.ENTERED: 2, QueueFactWord.LEFT: 3}[fact.word]
            place[at] = fact.at_ms
    keys = list(places)
    columns = ([place[number] for place in places.values()] for number in range(4))
    return [[event_id for event_id, _ in keys], [index for _, index in keys], *columns]
