"""Waiting rooms as a restore makes them of what Postgres has."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from engine.restore import PlaceDump, RoomDump
from engine.waiting_rooms import commitment_of, digest_of, position_of, seed_of

Row = Mapping[str, Any]


def restored_rooms(rooms: Iterable[Row], places: Iterable[Row]) -> tuple[list[RoomDump], list[PlaceDump]]:
    """The rooms, and the places of those who have not left.

    Nobody is inside. Customers who were may enter again at once: the watermark is behind the last position that
    entered.
    """
    joined: defaultdict[int, list[Row]] = defaultdict(list)
    for place in places:
        joined[place["event_id"]].append(place)
    dumps = [_room(room, joined[room["event_id"]]) for room in rooms]
    here = [
        PlaceDump(place["event_id"], place["customer_id"], place["number"], place["entered_ms"])
        for room in dumps
        for place in joined[room.event_id]
        if not place["has_left"]
    ]
    return dumps, here


def _room(room: Row, joined: list[Row]) -> RoomDump:
    event_id, secret, cohort, drawn_ms = room["event_id"], room["secret"], room["cohort"], room["drawn_ms"]
    digest = room["digest"] if drawn_ms else digest_of(place["customer_id"] for place in joined)
    seed = seed_of(secret, event_id, cohort, digest) if drawn_ms else ""
    entered = [position_of(place["number"], cohort, seed) for place in joined if place["entered_ms"]]
    return RoomDump(
        event_id,
        secret,
        commitment_of(secret),
        max(cohort, joined[-1]["number"] + 1 if joined else 0),
        digest,
        drawn_ms,
        cohort,
        seed,
        max(entered, default=-1) + 1,
        len(entered),
    )
