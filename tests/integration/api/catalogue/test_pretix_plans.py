"""Seating plans of pretix: a venue is made of one, and given back as one."""

import copy
import time

import pytest

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json

PATH = "/v1/venues?format=pretix"


def seat(guid: str, number: str, x: float = 0.0, **more: Json) -> Json:
    return {"seat_number": number, "seat_guid": guid, "position": {"x": x, "y": 0}, "category": "Stalls"} | more


def row(number: str, seats: list[Json], y: float = 0.0, **more: Json) -> Json:
    return {"row_number": number, "row_number_position": "both", "position": {"x": 10.5, "y": y}, "seats": seats} | more


AREA = {
    "shape": "rectangle",
    "color": "#eeeeee",
    "border_color": "#333333",
    "rotation": 12,
    "position": {"x": 5, "y": 5},
    "rectangle": {"width": 300, "height": 60},
    "text": {"position": {"x": 150, "y": 30}, "color": "#000000", "text": "Stage", "size": 24},
}
PLAN = {
    "name": "Opera house",
    "categories": [{"name": "Stalls", "color": "#7f4a91"}, {"name": "Box", "color": "#aa0000"}],
    "zones": [
        {"name": "Stage", "uuid": "b0", "position": {"x": 0, "y": 0}, "rows": [], "areas": [AREA]},
        {
            "name": "Stalls",
            "position": {"x": 100, "y": 200},
            "rows": [
                row("A", [seat("S-A-1", "1"), seat("S-A-3", "3", 25.25, uuid="u3", radius=8)], 10, row_label="Row A"),
                row("A", [seat("S-A-2", "2", 100)], 10),
                row("C", [], 40),
                row("B", [seat("S-B-12", "12"), seat("S-B-14", "14", 25)], 40, row_number_position=None),
            ],
            "areas": [],
        },
        {
            "name": "Boxes",
            "position": {"x": 0, "y": 0},
            "rows": [row("1", [seat("B-1-a", "a", category="Box")])],
            "areas": [{"shape": "circle", "position": {"x": 1, "y": 2}, "circle": {"radius": 5}}],
        },
    ],
    "size": {"width": 800, "height": 600},
}


def changed(*path: str | int, to: Json) -> Json:
    """The plan with another value there."""
    plan = copy.deepcopy(PLAN)
    part: Json = plan
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = to
    return plan


async def sections_of(front: Front, venue: Json) -> list[Json]:
    return list((await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"])


async def test_zones_become_sections_in_their_order(front: Front) -> None:
    made = await front.call("POST", PATH, PLAN)
    assert made.status == 201, made
    assert made.body["name"] == "Opera house"
    assert [(each["name"], each["capacity"]) for each in made.body["sections"]] == [("Stalls", 5), ("Boxes", 1)]
    stalls, boxes = await sections_of(front, made.body)
    assert [(each["name"], [one["label"] for one in each["seats"]]) for each in stalls["rows"]] == [
        ("A", ["1", "3"]),
        ("A", ["2"]),
        ("B", ["12", "14"]),
    ]
    first = stalls["rows"][0]["seats"][1]
    assert (first["external_id"], first["x"], first["y"]) == ("S-A-3", 135.75, 210)
    assert boxes["rows"][0]["seats"][0]["external_id"] == "B-1-a"


async def test_a_plan_is_given_back_as_it_came(front: Front) -> None:
    venue = (await front.call("POST", PATH, PLAN)).body
    path = f"/v1/venues/{venue['id']}"
    given = await front.get(path, format="pretix")
    assert (given.status, given.body) == (200, PLAN)
    tag = {"If-None-Match": given.headers["ETag"]}
    assert (await front.call("GET", f"{path}?format=pretix", headers=tag)).status == 304
    assert (await front.get(path)).body == venue


async def test_a_managers_changes_are_in_the_plan(front: Front) -> None:
    venue = (await front.call("POST", PATH, PLAN)).body
    seat_id = (await sections_of(front, venue))[0]["rows"][0]["seats"][1]["id"]
    patch = {"name": "Old opera", "seats": [{"seat_id": seat_id, "label": "3a", "x": 140.5, "accessible": True}]}
    assert (await front.call("PATCH", f"/v1/venues/{venue['id']}", patch)).status == 200
    plan = changed("zones", 1, "rows", 0, "seats", 1, "seat_number", to="3a")
    plan["zones"][1]["rows"][0]["seats"][1]["position"]["x"] = 30
    assert (await front.get(f"/v1/venues/{venue['id']}", format="pretix")).body == plan | {"name": "Old opera"}


async def test_a_plan_made_of_a_plan_is_the_same(front: Front) -> None:
    first = (await front.call("POST", PATH, PLAN)).body
    plan = (await front.get(f"/v1/venues/{first['id']}", format="pretix")).body
    second = (await front.call("POST", PATH, plan)).body
    assert (await front.get(f"/v1/venues/{second['id']}", format="pretix")).body == PLAN


async def test_a_manifest_is_given_as_a_plan(front: Front) -> None:
    rows = [{"name": "A", "seats": 2}, {"name": "B", "seats": [{"label": "7", "x": 300, "y": 90}]}]
    manifest = {"name": "Hall", "sections": [{"name": "Floor", "capacity": 50}, {"name": "Stalls", "rows": rows}]}
    venue = (await front.call("POST", "/v1/venues", manifest)).body
    plan = (await front.get(f"/v1/venues/{venue['id']}", format="pretix")).body
    assert [zone["name"] for zone in plan["zones"]] == ["Floor", "Stalls"]
    assert (plan["zones"][0]["rows"], len(plan["zones"][0]["areas"])) == ([], 1)
    again = (await front.call("POST", PATH, plan)).body
    (stalls,) = await sections_of(front, again)
    assert [[one["label"] for one in each["seats"]] for each in stalls["rows"]] == [["1", "2"], ["7"]]
    assert [stalls["rows"][1]["seats"][0][axis] for axis in ("x", "y")] == [300, 90]


async def test_seats_of_a_plan_are_sold(front: Front) -> None:
    venue = (await front.call("POST", PATH, PLAN)).body
    section_id = venue["sections"][0]["id"]
    price = {"amount": 1000, "currency": "EUR"}
    tickets = [{"ticket_type": "Stalls", "price": price, "section_ids": [section_id]}]
    event = await front.event(venue_id=venue["id"], tickets=tickets)
    best = {"ticket_id": event["tickets"][0]["id"], "quantity": 2, "best_available": True}
    held = await front.call("POST", "/v1/reservations", {"items": [best], "customer": {"id": "22"}})
    assert [(one["row"], one["label"]) for one in held.body["items"][0]["seats"]] == [("A", "1"), ("A", "3")]
    seats = (await front.get(f"/v1/events/{event['id']}/sections/{section_id}/seats")).body["items"]
    assert [each["external_id"] for each in seats] == ["S-A-1", "S-A-3", "S-A-2", "S-B-12", "S-B-14"]


@pytest.mark.parametrize(
    ("plan", "path"),
    [
        (changed("zones", 1, "rows", 0, "seats", 1, "seat_guid", to="S-A-1"), "zones[1].rows[0].seats[1].seat_guid"),
        (changed("zones", 2, "rows", 0, "seats", 0, "seat_guid", to="S-A-1"), "zones[2].rows[0].seats[0].seat_guid"),
        (changed("zones", 1, "rows", 1, "seats", 0, "seat_number", to="1"), "zones[1].rows[1].seats[0].seat_number"),
        (changed("zones", 1, "rows", 0, "seats", 1, "seat_number", to=3), "zones[1].rows[0].seats[1].seat_number"),
        (changed("zones", 1, "rows", 0, "seats", 1, "position", to={"x": "1"}), "zones[1].rows[0].seats[1].position.x"),
        (changed("zones", 1, "rows", 3, "row_number", to=""), "zones[1].rows[3].row_number"),
        (changed("zones", 2, "name", to="Stalls"), "zones[2].name"),
        (changed("zones", to=[PLAN["zones"][0]]), "zones"),  # type: ignore[index]
        (changed("size", to=None), "size"),
        ({"name": "V", "sections": []}, "categories"),
    ],
)
async def test_errors_are_reported_by_their_path(front: Front, plan: Json, path: str) -> None:
    answer = await front.call("POST", PATH, plan)
    assert (answer.status, answer.code) == (422, "invalid")
    assert path in [field["path"] for field in answer.body["fields"]]


async def test_other_formats_are_refused(front: Front) -> None:
    assert await front.refused("POST", "/v1/venues?format=svg", PLAN) == "invalid"
    assert await front.refused("POST", "/v1/venues", PLAN) == "invalid"


@pytest.mark.usefixtures("sync")
async def test_a_repeated_request_makes_one_venue(front: Front) -> None:
    key = {"Idempotency-Key": "plan-1"}
    first, again = [await front.call("POST", PATH, PLAN, headers=key) for _ in range(2)]
    assert (again.status, again.body) == (201, first.body)
    other = changed("zones", 1, "areas", to=[AREA])
    assert await front.refused("POST", PATH, other, headers=key) == "key_reused"


def big_plan() -> Json:
    """60,000 seats in 40 zones."""
    zones = [
        {
            "name": f"Zone {zone}",
            "position": {"x": 1000.5 * zone, "y": 3.25},
            "rows": [
                row(
                    str(number),
                    [
                        seat(
                            f"Zone {zone}-{number}-{place}",
                            str(place),
                            25.5 * place,
                            uuid=f"{zone:08}-{number}-{place}",
                        )
                        for place in range(1, 31)
                    ],
                    30 * number,
                )
                for number in range(1, 51)
            ],
            "areas": [AREA],
        }
        for zone in range(40)
    ]
    return PLAN | {"zones": zones}


@pytest.mark.alone
async def test_a_plan_of_sixty_thousand_seats_is_imported_within_ten_seconds(start_api: StartApi) -> None:
    front = await start_api(max_manifest_bytes=33_554_432)
    plan = big_plan()
    began = time.monotonic()
    venue = await front.call("POST", PATH, plan)
    took = time.monotonic() - began
    assert (venue.status, venue.body["capacity"]) == (201, 60_000)
    assert took < 10
    assert (await front.get(f"/v1/venues/{venue.body['id']}", format="pretix")).body == plan


async def test_both_sides_of_an_aisle_never_get_the_same_label(front: Front) -> None:
    venue = (await front.call("POST", PATH, PLAN)).body
    rows = (await sections_of(front, venue))[0]["rows"]
    assert [each["name"] for each in rows[:2]] == ["A", "A"]
    one, two = rows[0]["seats"][0]["id"], rows[1]["seats"][0]["id"]

    async def answer(*labels: Json) -> Json:
        seats = [{"seat_id": seat_id, "label": label} for seat_id, label in labels]
        return await front.call("PATCH", f"/v1/venues/{venue['id']}", {"seats": seats})

    refused = await answer((one, "2"))
    assert (refused.status, refused.body["fields"][0]["path"]) == (422, "seats[0].label")
    assert (await answer((one, "2"), (two, "1"))).status == 200
