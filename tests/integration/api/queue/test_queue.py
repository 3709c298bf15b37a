"""The waiting room over HTTP, on real servers."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.access.callers import Role
from api.queue.rooms import ROOMS
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json, order, ticket
from tests.support.api.event_stream import EventStream
from tests.support.api.timed_event import DAY, NAMES
from tests.support.waiting import wait_until

LONG_AGO = "2026-06-01T18:00:00Z"
LATER = "2099-06-01T18:00:00Z"
SHARED = "a secret of thirty-two bytes or more"


class Queue:
    """The waiting room of one event, as customers meet it."""

    def __init__(self, front: Front, event: Json) -> None:
        self.front, self.event = front, event
        self.path = f"/v1/events/{event['id']}/queue"
        self.ticket_id = event["tickets"][0]["id"] if event["tickets"] else 0

    async def ask(self, method: str, customer: str, more: str = "") -> Answer:
        answer = await self.front.call(method, f"{self.path}{more}?customer_id={customer}")
        if answer.status < 300 and answer.body:
            shapes.check_place(answer.body)
        return answer

    async def join(self, customer: str) -> Answer:
        return await self.ask("POST", customer)

    async def enter(self, customer: str) -> Answer:
        return await self.ask("POST", customer, "/enter")

    async def place(self, customer: str) -> Answer:
        return await self.ask("GET", customer, "/place")

    async def read(self) -> Json:
        """The document as it is now, whatever this process knew."""
        await self.front.client.app[ROOMS].read(self.event["id"])
        answer = await self.front.get(self.path)
        assert answer.status == 200, answer
        shapes.check_queue(answer.body)
        return answer.body

    async def let_in(self, customer: str) -> Json:
        """The place of a customer who is inside."""
        await self.join(customer)

        async def is_inside() -> bool:
            return (await self.enter(customer)).status == 200

        await wait_until(is_inside, what=f"{customer} is inside")
        return (await self.place(customer)).body

    async def reserve(self, customer: str, quantity: int = 1) -> Answer:
        return await self.front.reserve((self.ticket_id, quantity), customer=customer)


async def queue_of(front: Front, capacity: int = 10, *, opens_at: str = LONG_AGO, **fields: Any) -> Queue:
    """A sale that has begun, with a waiting room."""
    room = {"opens_at": opens_at} | fields.pop("room", {})
    return Queue(front, await front.event(capacity, waiting_room=room, **fields))


async def test_an_event_tells_its_waiting_room(front: Front) -> None:
    queue = await queue_of(front, opens_at=LATER)
    event = f"/v1/events/{queue.event['id']}"
    room = {"opens_at": LATER, "pass_seconds": 600, "places_per_pass": 4, "max_inside": None, "per_minute": None}
    assert queue.event["waiting_room"] == (await front.get(event)).body["waiting_room"] == room
    other = {"opens_at": LONG_AGO, "pass_seconds": 60, "places_per_pass": 2, "max_inside": 5, "per_minute": 60}
    changed = await front.call("PATCH", event, {"waiting_room": other})
    assert changed.body["waiting_room"] == other
    renamed = await front.call("PATCH", event, {"name": "Other"})
    assert renamed.body["waiting_room"] == other
    gone = await front.call("PATCH", event, {"waiting_room": None})
    assert "waiting_room" not in gone.body
    assert await front.refused("GET", queue.path) == "not_found"
    assert await front.refused("POST", f"{queue.path}?customer_id=anna") == "not_found"
    assert (await queue.reserve("anna")).status == 201


async def test_the_body_may_name_the_customer(front: Front) -> None:
    queue = await queue_of(front)
    body = {"customer": {"id": "anna", "first_name": "Anna"}}
    joined = await front.call("POST", queue.path, body)
    assert (joined.status, joined.body["customer_id"]) == (201, "anna")
    assert (await front.call("POST", f"{queue.path}?customer_id=anna", body)).status == 200
    assert (await front.call("POST", f"{queue.path}/enter", body)).body["customer_id"] == "anna"
    other = await front.call("POST", f"{queue.path}?customer_id=bob", body)
    assert (other.status, other.body["fields"][0]["path"]) == (422, "customer.id")
    assert await front.refused("POST", queue.path, {"customer": {}}) == "invalid"
    assert (await front.get(queue.path)).body["joined"] <= 1


async def test_a_place_is_the_same_however_often_it_is_asked_for(front: Front, start_api: StartApi) -> None:
    queue = await queue_of(front, sale_opens_at=LATER)
    first = await queue.join("anna")
    assert (first.status, first.headers["Location"]) == (201, f"{queue.path}/place")
    place = {
        "event_id": queue.event["id"],
        "customer_id": "anna",
        "index": 0,
        "position": None,
        "ahead": None,
        "expected": {"p50": None, "p90": None},
        "pass_expires_at": None,
    }
    assert first.body == place
    other = Queue(await start_api(), queue.event)
    for again in (await queue.join("anna"), await other.join("anna"), await queue.place("anna")):
        assert (again.status, again.body) == (200, place)
    assert (await queue.join("ben")).body["index"] == 1
    assert await front.refused("POST", queue.path) == "invalid"
    assert await front.refused("POST", f"{queue.path}?customer_id=carl", {"a": 1}) == "invalid"
    assert (await queue.read())["joined"] == 2, "what is refused takes no index"
    assert await front.refused("GET", f"{queue.path}/place?customer_id=carl") == "not_found"


async def test_the_shared_document_is_cached_and_public(front: Front) -> None:
    queue = await queue_of(front, sale_opens_at=LATER)
    answer = await front.get(queue.path)
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    assert (answer.body["phase"], answer.body["cohort"], answer.body["seed"]) == ("gathering", None, None)
    known = await front.call("GET", queue.path, headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status == 304
    await queue.join("anna")
    await queue.read()
    assert (await front.get(queue.path)).headers["ETag"] != answer.headers["ETag"]


async def test_a_crowd_that_looks_costs_one_reading_a_second(front: Front) -> None:
    queue = await queue_of(front)
    rooms, readings = front.client.app[ROOMS], 0
    read = rooms.read

    async def counted(event_id: int) -> Any:
        nonlocal readings
        readings += 1
        return await read(event_id)

    rooms.read = counted
    await asyncio.gather(*(front.get(queue.path) for _ in range(100)))
    assert readings <= 100
    before = readings
    await asyncio.gather(*(front.get(queue.path) for _ in range(100)))
    assert readings - before <= 1


async def test_the_order_can_be_recomputed_by_everybody(front: Front) -> None:
    queue = await queue_of(front, sale_opens_at=LATER)
    before = (await front.get(f"{queue.path}/audit")).body
    assert {name for name, value in before.items() if value is None} == {"secret", "cohort", "digest", "seed"}
    for name in ("anna", "ben", "carl"):
        await queue.join(name)
    opens_at = datetime.now(UTC) - timedelta(seconds=1)
    await front.call("PATCH", f"/v1/events/{queue.event['id']}", {"sale_opens_at": opens_at.isoformat()})
    shared = await queue.read()
    audit = (await front.get(f"{queue.path}/audit")).body
    assert audit["commitment"] == before["commitment"] == shared["commitment"]
    assert (audit["cohort"], audit["seed"]) == (3, shared["seed"])
    places = [(await queue.place(name)).body for name in ("anna", "ben", "carl")]
    assert sorted(place["position"] for place in places) == [0, 1, 2]
    late = (await queue.join("late")).body
    assert (late["index"], late["position"]) == (3, 3)


async def test_before_the_draw_the_number_ahead_is_unknown(front: Front) -> None:
    queue = await queue_of(front, sale_opens_at=LATER)
    await queue.join("anna")
    for refused in (await queue.enter("anna"), await queue.front.reserve((queue.ticket_id, 1), customer="anna")):
        assert refused.code in ("not_your_turn", "not_on_sale_yet")
        assert refused.body.get("ahead") is None
    assert (await queue.enter("anna")).body["ahead"] is None


async def test_a_stream_goes_on_where_it_was_left(front: Front) -> None:
    queue = await queue_of(front, sale_opens_at=LATER)
    await queue.join("anna")
    await queue.read()
    async with EventStream(front.client, f"{queue.path}/stream") as stream:
        first = await stream.next_of("queue")
        await queue.join("ben")
        second = await stream.next_of("queue")
    assert second.position != first.position
    async with EventStream(front.client, f"{queue.path}/stream", last_event_id=second.position) as stream:
        await queue.join("carl")
        assert (await stream.next_of("queue")).data["joined"] == 3, "and not the state that is known"


async def test_only_who_is_inside_buys(front: Front) -> None:
    queue = await queue_of(front, room={"places_per_pass": 2})
    cart = "/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"
    item = {"event_id": queue.event["id"], "price_id": queue.ticket_id, "quantity": 1, "customer": {"id": "anna"}}
    assert (await queue.reserve("anna")).code == "queue_required"
    assert await front.refused("POST", cart, item) == "queue_required"
    assert await front.refused("POST", f"{queue.path}/enter?customer_id=anna") == "not_found"
    place = await queue.let_in("anna")
    assert (place["index"], place["position"], place["ahead"]) == (0, 0, 0)
    shapes.check_instant(place["pass_expires_at"])
    held = await queue.reserve("anna")
    assert held.status == 201
    assert (await front.call("POST", cart, item)).status == 200
    refused = await queue.reserve("anna")
    assert (refused.code, refused.body["limit"], refused.body["taken"]) == ("limit_exceeded", 2, 2)
    await queue.join("ben")
    waiting = await queue.reserve("ben")
    assert (waiting.status, waiting.code, waiting.body["ahead"]) == (409, "not_your_turn", waiting.body["ahead"])
    assert (await front.pay(held.body)).status == 200, "paying needs no pass"
    assert (await front.call("DELETE", f"{queue.path}/place?customer_id=anna")).status == 204
    assert (await queue.reserve("anna")).code == "queue_required"
    assert (await front.call("DELETE", f"{queue.path}/place?customer_id=anna")).status == 204


async def test_bookings_need_a_pass_too(start_api: StartApi) -> None:
    front = await start_api(auth="jwt", jwt_secret=SHARED)
    settings = Settings(jwt_secret=SHARED)
    boss = {"Authorization": f"Bearer {mint_token(settings, Role.MANAGER, 'boss', 600)}"}
    anna = {"Authorization": f"Bearer {mint_token(settings, Role.CUSTOMER, 'anna', 600)}"}
    body = {
        "name": "Museum",
        "starts_at": LONG_AGO,
        "status": "on_sale",
        "schedule": {"times": ["13:30", "15:00"], "capacity": 5},
        "waiting_room": {"opens_at": LONG_AGO, "places_per_pass": 1},
    }
    event = (await front.call("POST", "/v1/events", body, headers=boss)).body
    path = f"/v1/events/{event['id']}"
    slot = NAMES | {"date": DAY, "time": "13:30"}
    for headers in (anna, boss):
        assert await front.refused("POST", f"{path}/bookings", slot, headers=headers) == "queue_required"
    assert (await front.call("POST", f"{path}/queue", headers=anna)).status == 201

    async def is_inside() -> bool:
        return (await front.call("POST", f"{path}/queue/enter", headers=anna)).status == 200

    await wait_until(is_inside, what="anna is inside")
    booked = await front.call("POST", f"{path}/bookings", slot, headers=anna)
    assert booked.status == 201
    assert await front.refused("POST", f"{path}/bookings", slot, headers=anna) == "limit_exceeded"
    for_anna = slot | {"customer": {"id": "anna"}}
    assert await front.refused("POST", f"{path}/bookings", for_anna, headers=boss) == "limit_exceeded"
    for_ben = slot | {"customer": {"id": "ben"}}
    assert await front.refused("POST", f"{path}/bookings", for_ben, headers=boss) == "queue_required"
    assert await front.refused("POST", f"{path}/bookings", for_ben, headers=anna) == "forbidden"
    booking = f"{path}/bookings/{booked.body['id']}"
    assert (await front.call("PATCH", booking, {"time": "15:00"}, headers=anna)).status == 200
    assert (await front.call("DELETE", f"{path}/queue/place", headers=anna)).status == 204
    assert await front.refused("PATCH", booking, {"time": "13:30"}, headers=anna) == "queue_required"
    assert (await front.call("DELETE", booking, headers=anna)).status == 204


async def test_staff_books_for_a_customer_who_is_inside(start_api: StartApi) -> None:
    front = await start_api(auth="jwt", jwt_secret=SHARED)
    settings = Settings(jwt_secret=SHARED)
    boss = {"Authorization": f"Bearer {mint_token(settings, Role.MANAGER, 'boss', 600)}"}
    desk = {"Authorization": f"Bearer {mint_token(settings, Role.SERVICE, 'desk', 600)}"}
    anna = {"Authorization": f"Bearer {mint_token(settings, Role.CUSTOMER, 'anna', 600)}"}
    body = {
        "name": "Museum",
        "starts_at": LONG_AGO,
        "status": "on_sale",
        "schedule": {"times": ["13:30", "15:00"], "capacity": 5},
    }
    event = (await front.call("POST", "/v1/events", body, headers=boss)).body
    path = f"/v1/events/{event['id']}"
    slot = NAMES | {"date": DAY, "time": "13:30"}
    before = await front.call("POST", f"{path}/bookings", slot, headers=desk)
    assert before.status == 201, "without a room, staff books for nobody in particular"
    room = {"waiting_room": {"opens_at": LONG_AGO}}
    assert (await front.call("PATCH", path, room, headers=boss)).status == 200
    assert await front.refused("POST", f"{path}/bookings", slot, headers=desk) == "queue_required"
    await front.call("POST", f"{path}/queue?customer_id=anna", headers=desk)

    async def is_inside() -> bool:
        return (await front.call("POST", f"{path}/queue/enter?customer_id=anna", headers=desk)).status == 200

    await wait_until(is_inside, what="anna is inside")
    booked = await front.call("POST", f"{path}/bookings", slot | {"customer": {"id": "anna"}}, headers=desk)
    assert booked.status == 201
    hers = f"{path}/bookings/{booked.body['id']}"
    assert (await front.call("GET", hers, headers=anna)).status == 200, "it is her booking"
    moved = await front.call("PATCH", f"{path}/bookings/{before.body['id']}", {"time": "15:00"}, headers=desk)
    assert moved.status == 200, "nobody can wait for a booking of nobody"


async def test_managers_pause_slow_down_and_tell_everybody(front: Front) -> None:
    queue = await queue_of(front)
    body = {"paused": True, "max_inside": 7, "per_minute": 60, "message": "Ten minutes"}
    answer = await front.call("PATCH", queue.path, body, headers={"X-Reason": "The lights went out"})
    assert (answer.status, answer.body["phase"], answer.body["message"]) == (200, "paused", "Ten minutes")
    assert answer.body["per_minute"] == 60
    assert (await front.get(queue.path)).body["phase"] == "paused", "this process knows at once"
    await queue.join("anna")
    assert await front.refused("POST", f"{queue.path}/enter?customer_id=anna") in ("inside_full", "not_your_turn")
    back = await front.call("PATCH", queue.path, {"paused": False, "message": None, "per_minute": None})
    assert (back.body["phase"], back.body["message"]) == ("serving", None)
    (entry, *_) = (await front.get("/v1/audit-log", event_id=queue.event["id"])).body["items"]
    assert (entry["resource"], entry["action"]) == (f"event/{queue.event['id']}/queue", "change_queue")
    entries = (await front.get("/v1/audit-log", event_id=queue.event["id"])).body["items"]
    assert entries[1]["after"] == body
    plain = await front.event(5)
    assert await front.refused("PATCH", f"/v1/events/{plain['id']}/queue", body) == "not_found"
    assert not [
        each
        for each in (await front.get("/v1/audit-log", event_id=plain["id"])).body["items"]
        if each["action"] == "change_queue"
    ], "what was refused is not logged"


async def test_a_stream_tells_what_changes_and_the_end(front: Front) -> None:
    queue = await queue_of(front, 2)
    async with EventStream(front.client, f"{queue.path}/stream") as stream:
        first = await stream.next_of("queue")
        shapes.check_queue(first.data)
        assert (first.data["phase"], first.data["joined"]) == ("serving", 0)
        await queue.let_in("anna")
        joined = await stream.next_of("queue")
        assert joined.data["joined"] == 1
        held = await queue.reserve("anna", 2)
        assert (await front.pay(held.body)).status == 200
        told = await stream.next_of("queue")
        while told.data["phase"] != "over":
            told = await stream.next_of("queue")
        assert told.data["reason"] == "sold_out"
        now = await queue.read()
        assert told.data | {"as_of": None} == now | {"as_of": None}
    refused = await queue.join("ben")
    assert (refused.code, refused.body["reason"]) == ("queue_closed", "sold_out")
    plain = await front.event(5)
    assert await front.refused("GET", f"/v1/events/{plain['id']}/queue/stream") == "not_found"


async def test_all_held_is_not_the_end(front: Front) -> None:
    queue = await queue_of(front, 2)
    await queue.let_in("anna")
    held = (await queue.reserve("anna", 2)).body
    shared = await queue.read()
    assert (shared["phase"], shared["next_return_at"]) == ("serving", held["expires_at"])
    await queue.join("ben")
    assert await front.refused("POST", f"{queue.path}/enter?customer_id=ben") in ("not_your_turn", "inside_full")
    await front.call("DELETE", f"{queue.path}/place?customer_id=anna")  # else what returns is promised to her first
    await front.call("DELETE", f"/v1/reservations/{held['id']}")
    assert (await queue.let_in("ben"))["pass_expires_at"]


@pytest.mark.parametrize(
    ("room", "path"),
    [
        ({"opens_at": "1969-01-01T00:00:00Z"}, "waiting_room.opens_at"),
        ({}, "waiting_room.opens_at"),
        ({"opens_at": LATER, "pass_seconds": 0}, "waiting_room.pass_seconds"),
        ({"opens_at": LATER, "color": 1}, "waiting_room.color"),
    ],
)
async def test_wrong_waiting_rooms_are_refused(front: Front, room: Json, path: str) -> None:
    body = {"name": "Big event", "starts_at": LATER, "tickets": [ticket("VIP", 5)], "waiting_room": room}
    answer = await front.call("POST", "/v1/events", body)
    assert (answer.status, [field["path"] for field in answer.body["fields"]]) == (422, [path])


async def test_an_order_of_several_tickets_counts_all_of_its_places(front: Front) -> None:
    room = {"opens_at": LONG_AGO, "places_per_pass": 3}
    queue = Queue(front, await front.event(5, 5, waiting_room=room))
    await queue.let_in("anna")
    first, second = (each["id"] for each in queue.event["tickets"])
    refused = await front.call("POST", "/v1/reservations", order((first, 2), (second, 2), customer="anna"))
    assert refused.code == "limit_exceeded"
    assert (await front.call("POST", "/v1/reservations", order((first, 2), (second, 1), customer="anna"))).status == 201


def documented_program(repository: Path) -> dict[str, Any]:
    """The names of the program in docs/waiting-room.md."""
    text = (repository / "docs" / "waiting-room.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(program, "waiting-room.md", "exec"), names)  # noqa: S102  # our own documentation
    return names


async def test_the_documented_program_verifies_the_order(front: Front, repository: Path) -> None:
    program = documented_program(repository)
    queue = await queue_of(front, sale_opens_at=LATER)
    names = [f"customer-{number}" for number in range(30)]
    for name in names:
        await queue.join(name)
    await front.call("PATCH", f"/v1/events/{queue.event['id']}", {"sale_opens_at": LONG_AGO})
    await queue.read()
    audit = (await front.get(f"{queue.path}/audit")).body
    program["verify"](audit)
    for number, name in enumerate(names):
        place = (await queue.place(name)).body
        assert (place["index"], place["position"]) == (
            number,
            program["position"](number, audit["cohort"], audit["seed"]),
        )
    for wrong in ({"secret": "00" * 32}, {"cohort": 29}, {"digest": ""}, {"seed": "00" * 20}, {"event_id": 1_000}):
        with pytest.raises(AssertionError):
            program["verify"](audit | wrong)
