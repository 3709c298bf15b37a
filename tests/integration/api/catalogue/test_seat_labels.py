"""Seats with labels, flags and coordinates of their own, and their corrections."""

import asyncio

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json, ticket

_SEATS: list[Json] = [
    {"label": "1"},
    {"label": "3", "accessible": True, "companion": False, "x": 10.5, "y": 3.0},
    {"label": "13A", "restricted_view": True},
]
_HALL = {
    "name": "Hall",
    "sections": [{"name": "S", "rows": [{"name": "A", "seats": _SEATS}, {"name": "B", "seats": 2}]}],
}


async def _seated(front: Front) -> tuple[Json, Json]:
    venue = await front.call("POST", "/v1/venues", _HALL)
    assert venue.status == 201
    offer = {"ticket_type": "S", "price": ticket("", 1)["price"], "section_ids": [venue.body["sections"][0]["id"]]}
    return venue.body, await front.event(venue_id=venue.body["id"], tickets=[offer])


async def _rows(front: Front, venue: Json) -> list[Json]:
    (section,) = (await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"]
    return [row["seats"] for row in section["rows"]]


async def test_a_manifest_with_labels_and_flags(front: Front) -> None:
    venue, event = await _seated(front)
    assert venue["capacity"] == 5
    one, two = await _rows(front, venue)
    first = one[0]["id"]
    assert one == [{"id": first + place, "number": place + 1} | seat for place, seat in enumerate(_SEATS)]
    assert two == [{"id": first + 3 + place, "number": place + 1, "label": str(place + 1)} for place in range(2)]

    path = f"/v1/events/{event['id']}/sections/{venue['sections'][0]['id']}/seats"
    seats = (await front.get(path)).body["items"]
    left_out = ("row", "status", "prices")
    shown = [{name: value for name, value in seat.items() if name not in left_out} for seat in seats]
    assert shown == [{"seat_id": seat.pop("id")} | seat for seat in [*one, *two]]
    item = {"items": [{"ticket_id": event["tickets"][0]["id"], "seat_ids": [first + 2]}], "customer": {"id": "1"}}
    held = (await front.call("POST", "/v1/reservations", item)).body
    assert held["items"][0]["seats"] == [
        {"seat_id": first + 2, "section": "S", "row": "A", "number": 3, "label": "13A"}
    ]


async def test_labels_and_flags_are_corrected_everywhere(front: Front, start_api: StartApi) -> None:
    other = await start_api()
    venue, event = await _seated(front)
    path, seats = f"/v1/venues/{venue['id']}", f"/v1/events/{event['id']}/sections/{venue['sections'][0]['id']}/seats"
    one, two = await _rows(front, venue)
    for each in (front, other):
        assert (await each.get(seats)).body["items"][3]["label"] == "1"
    changes = [
        {"seat_id": one[1]["id"], "label": "3A", "accessible": None, "companion": True},
        {"seat_id": two[0]["id"], "label": "101"},
    ]
    changed = await front.call("PATCH", path, {"name": "Great Hall", "seats": changes})
    assert (changed.status, changed.body) == (200, venue | {"name": "Great Hall"})
    one[1] |= {"label": "3A", "companion": True}
    del one[1]["accessible"]
    two[0]["label"] = "101"
    for each in (front, other):
        assert await _rows(each, venue) == [one, two]
        shown = (await each.get(seats)).body["items"]
        assert [seat["label"] for seat in shown] == ["1", "3A", "13A", "101", "2"]
        assert (await each.get(path)).body == changed.body

    before = await front.get(path)
    wrong: list[tuple[Json, str]] = [
        ({"seats": [{"seat_id": one[0]["id"]}, {"seat_id": one[0]["id"]}]}, "invalid"),
        ({"seats": [{"seat_id": one[0]["id"] + 100, "label": "x"}]}, "not_found"),
        ({"seats": [{"seat_id": one[0]["id"], "label": ""}]}, "invalid"),
        ({"sections": []}, "invalid"),
    ]
    for body, code in wrong:
        assert await front.refused("PATCH", path, body) == code
    assert (await front.get(path)).headers["ETag"] == before.headers["ETag"]
    twice = {"name": "H", "sections": [{"name": "S", "rows": [{"name": "A", "seats": [{"label": "1"}] * 2}]}]}
    assert await front.refused("POST", "/v1/venues", twice) == "invalid"
    assert await front.refused("PATCH", "/v1/venues/999999", {}) == "not_found"


async def test_seats_of_a_row_never_get_the_same_label(front: Front) -> None:
    venue, _ = await _seated(front)
    path = f"/v1/venues/{venue['id']}"
    one, two = await _rows(front, venue)
    before = await front.get(path)
    ids = [[seat["id"] for seat in row] for row in (one, two)]
    wrong = [
        ({ids[0][0]: "same", ids[0][1]: "same"}, 1),
        ({ids[0][0]: "x", ids[0][1]: "13A"}, 1),
        ({ids[1][0]: "2"}, 0),
        ({ids[0][1]: "1", ids[1][0]: "2"}, 0),
    ]
    for labels, place in wrong:
        seats = [{"seat_id": seat_id, "label": label} for seat_id, label in labels.items()]
        refused = await front.call("PATCH", path, {"name": "New", "seats": seats})
        assert refused.status == 422
        assert refused.body["fields"] == [
            {"path": f"seats[{place}].label", "message": "the label is used more than once"}
        ]
        assert await _rows(front, venue) == [one, two]
    after = await front.get(path)
    assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])

    swap = {ids[0][0]: "3", ids[0][1]: "1", ids[1][0]: "2", ids[1][1]: "1", ids[0][2]: "13A"}
    seats = [{"seat_id": seat_id, "label": label} for seat_id, label in swap.items()]
    assert (await front.call("PATCH", path, {"seats": seats})).status == 200
    labels_now = [[seat["label"] for seat in row] for row in await _rows(front, venue)]
    assert labels_now == [["3", "1", "13A"], ["2", "1"]]


async def test_a_correction_changes_the_etag_of_the_seats(front: Front, start_api: StartApi) -> None:
    other = await start_api()
    venue, event = await _seated(front)
    path = f"/v1/events/{event['id']}/sections/{venue['sections'][0]['id']}/seats"
    seat_id = (await front.get(path)).body["items"][0]["seat_id"]
    tags = [(await front.get(path)).headers["ETag"]]
    for change in ({"label": "99Z"}, {"accessible": True}, {"restricted_view": True}, {"x": 1.5}, {"y": 2.5}):
        changes = {"seats": [{"seat_id": seat_id, **change}]}
        assert (await front.call("PATCH", f"/v1/venues/{venue['id']}", changes)).status == 200
        shown = await front.call("GET", path, headers={"If-None-Match": tags[-1]})
        assert shown.status == 200, change
        assert shown.body["items"][0].items() >= change.items()
        tags.append(shown.headers["ETag"])
        for each in (front, other):
            again = await each.call("GET", path, headers={"If-None-Match": tags[-1]})
            assert again.status == 304, "the same in each process"
    assert len(set(tags)) == 6


async def test_of_corrections_at_once_one_is_made(front: Front) -> None:
    venue, _ = await _seated(front)
    path = f"/v1/venues/{venue['id']}"
    tag = {"If-Match": (await front.get(path)).headers["ETag"]}
    answers = await asyncio.gather(*(front.call("PATCH", path, {"name": f"H{n}"}, headers=tag) for n in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
    (winner,) = (answer for answer in answers if answer.status == 200)
    assert (await front.get(path)).body == winner.body
