"""Sections of general admission: places without seats in a venue, which all tickets of the section share."""

import asyncio

import pytest

from engine.settings import Settings
from sync.audit.audit import audit
from tests.support.api.api_client import Front, Json
from tests.support.api.two_event_carts import new_cart
from tests.support.waiting import wait_until

ARENA = {
    "name": "Arena",
    "sections": [{"name": "Floor", "capacity": 5}, {"name": "Tribune", "rows": [{"name": "A", "seats": 4}]}],
}


def priced(name: str, section_id: int, price: int) -> Json:
    return {"ticket_type": name, "price": {"amount": price, "currency": "EUR"}, "section_ids": [section_id]}


class Arena:
    """An event with a floor, for adults and children, and a tribune with seats."""

    def __init__(self, front: Front, venue: Json, event: Json) -> None:
        self.front, self.venue, self.event = front, venue, event
        self.floor, self.tribune = (section["id"] for section in venue["sections"])
        self.adult, self.child, self.seat = (each["id"] for each in event["tickets"])

    async def sections(self) -> list[Json]:
        return list((await self.front.get(f"/v1/events/{self.event['id']}/sections")).body["items"])

    async def has(self, available: int, held: int, sold: int) -> None:
        """Waits until all who may tell it say alike what the floor has left; counts are at most 100 ms old."""

        async def is_told() -> bool:
            told = {await self.front.counts(ticket_id) for ticket_id in (self.adult, self.child)}
            (floor,) = [each for each in await self.sections() if each["section_id"] == self.floor]
            told.add((floor["available"], floor["held"], floor["sold"]))
            return told == {(available, held, sold)}

        await wait_until(is_told)


@pytest.fixture
async def arena(front: Front) -> Arena:
    venue = (await front.call("POST", "/v1/venues", ARENA)).body
    floor, tribune = (section["id"] for section in venue["sections"])
    tickets = [priced("Adult", floor, 3000), priced("Child", floor, 1000), priced("Seat", tribune, 5000)]
    return Arena(front, venue, await front.event(venue_id=venue["id"], tickets=tickets))


async def test_a_manifest_shows_its_section_without_seats(front: Front, arena: Arena) -> None:
    assert [section["capacity"] for section in arena.venue["sections"]] == [5, 4]
    assert arena.venue["capacity"] == 9
    floor, tribune = (await front.get(f"/v1/venues/{arena.venue['id']}/sections")).body["items"]
    assert floor == {"id": arena.floor, "name": "Floor", "rows": [], "capacity": 5}
    assert "capacity" not in tribune
    path = f"/v1/events/{arena.event['id']}/sections/{arena.floor}/seats"
    assert [await front.refused("GET", path), await front.refused("GET", f"{path}/stream")] == ["not_found"] * 2


async def test_tickets_of_a_section_share_its_capacity(front: Front, arena: Arena) -> None:
    assert [each["seating"] for each in arena.event["tickets"]] == ["general", "general", "assigned"]
    await front.held((arena.adult, 2))
    await front.paid((arena.child, 2))
    await arena.has(1, 2, 2)
    refused = await front.reserve((arena.adult, 1), (arena.child, 1))
    assert (refused.status, refused.code, refused.body["available"]) == (409, "sold_out", 1)
    await front.held((arena.child, 1))
    await arena.has(0, 3, 2)
    floor, tribune = await arena.sections()
    assert (floor["seating"], floor["capacity"]) == ("general", 5)
    assert (floor["price_from"]["amount"], floor["price_to"]["amount"]) == (1000, 3000)
    assert (tribune["seating"], tribune["capacity"], tribune["available"]) == ("assigned", 4, 4)


async def test_a_crowd_that_buys_both_tickets_gets_no_place_twice(front: Front, arena: Arena) -> None:
    asked = [front.reserve((ticket_id, 1)) for _ in range(8) for ticket_id in (arena.adult, arena.child)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status for answer in answers) == [201] * 5 + [409] * 11
    await arena.has(0, 5, 0)


async def test_places_are_held_by_quantity_and_in_carts(front: Front, arena: Arena) -> None:
    wrong: list[Json] = [{"seat_ids": [1]}, {"quantity": 1, "best_available": True}, {}]
    for item in wrong:
        order = {"items": [{"ticket_id": arena.adult} | item], "customer": {"id": "22"}}
        assert await front.refused("POST", "/v1/reservations", order) == "invalid"
    cart = new_cart()
    for ticket_id, quantity in ((arena.adult, 2), (arena.child, 1), (arena.adult, 1)):
        item = {"event_id": arena.event["id"], "price_id": ticket_id, "quantity": quantity}
        assert (await front.call("POST", cart, item)).status == 200
    assert (await front.get(cart)).body["total"]["amount"] == 3000 + 1000
    await arena.has(3, 2, 0)


async def test_a_section_has_rows_or_a_capacity(front: Front) -> None:
    for section, path in (
        ({"name": "S"}, "sections[0].rows"),
        ({"name": "S", "capacity": 5, "rows": [{"name": "A", "seats": 1}]}, "sections[0].capacity"),
        ({"name": "S", "capacity": 0}, "sections[0].capacity"),
    ):
        answer = await front.call("POST", "/v1/venues", {"name": "V", "sections": [section]})
        assert (answer.status, answer.body["fields"][0]["path"]) == (422, path)


async def test_a_ticket_of_a_section_without_seats_has_no_capacity_and_no_other_section(
    front: Front, arena: Arena
) -> None:
    path = f"/v1/events/{arena.event['id']}/tickets"
    both = priced("Both", arena.floor, 100) | {"section_ids": [arena.tribune, arena.floor]}
    answer = await front.call("POST", path, both)
    assert (answer.status, answer.body["fields"][0]["path"]) == (422, "section_ids[1]")
    with_capacity = priced("Own", arena.floor, 100) | {"capacity": 3}
    assert await front.refused("POST", path, with_capacity) == "invalid"
    assert await front.refused("PATCH", f"/v1/tickets/{arena.adult}", {"capacity": 3}) == "invalid"


async def test_a_ticket_that_comes_later_shares_what_is_left_and_one_that_goes_leaves_it(
    front: Front, arena: Arena
) -> None:
    await front.held((arena.adult, 2))
    late = (await front.call("POST", f"/v1/events/{arena.event['id']}/tickets", priced("Late", arena.floor, 1))).body
    assert (late["available"], late["held"]) == (3, 2)
    assert (await front.call("DELETE", f"/v1/tickets/{late['id']}")).status == 204
    await arena.has(3, 2, 0)


@pytest.mark.usefixtures("sync")
async def test_reports_and_the_audit_count_the_section_once(front: Front, arena: Arena, shop: Settings) -> None:
    await front.paid((arena.adult, 2))
    await front.paid((arena.child, 3))

    async def is_sold() -> bool:
        return bool((await front.get(f"/v1/events/{arena.event['id']}/statistics")).body["sold"] == 5)

    await wait_until(is_sold)
    statistics = (await front.get(f"/v1/events/{arena.event['id']}/statistics")).body
    assert statistics["sold_out_at"] is None, "the tribune is for sale"
    assert await audit(shop) == []


async def test_a_ticket_with_places_set_aside_in_a_shared_section_stays(front: Front, arena: Arena) -> None:
    codes = f"/v1/events/{arena.event['id']}/codes"
    kept = {"codes": ["PARTNER"], "kind": "allocation", "ticket_ids": [arena.child], "places": 3}
    assert (await front.call("POST", codes, kept)).status == 201
    assert await front.refused("DELETE", f"/v1/tickets/{arena.child}") == "in_use"
    assert (await front.call("DELETE", f"{codes}/PARTNER")).status == 204
    assert (await front.call("DELETE", f"/v1/tickets/{arena.child}")).status == 204
    assert (await front.reserve((arena.adult, 5))).status == 201
