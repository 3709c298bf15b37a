"""Limits of bookings, changed schedules, cancelled events, and changes that race."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientResponse

from api.app_keys import ENGINE
from tests.support.api.api_client import Front
from tests.support.api.timed_event import DAY, NAMES, Museum, open_museum
from tests.support.redis_nodes import commands_done


@pytest.fixture
async def museum(front: Front) -> Museum:
    return await open_museum(front)


async def test_a_phone_number_has_no_more_than_one_customer_may(front: Front) -> None:
    museum = await open_museum(front, max_per_customer=3)
    bookings = [await museum.booked(time) for time in ("08:00", "13:30", "13:30")]
    refused = await museum.book("19:00")
    assert (refused.status, refused.code) == (409, "limit_exceeded")
    assert (refused.body["limit"], refused.body["taken"]) == (3, 3)
    other = await museum.booked(phone_number="+48123456789")
    assert (await museum.change(other, phone_number=NAMES["phone_number"])).code == "limit_exceeded"
    assert (await museum.read(other)).body == other
    assert (await museum.change(bookings[0], phone_number="0123456789")).status == 200
    assert (await museum.change(other, phone_number=NAMES["phone_number"])).status == 200
    assert (await museum.book()).code == "limit_exceeded"
    assert (await museum.front.call("DELETE", museum.at(bookings[1]))).status == 204
    assert (await museum.book()).status == 201


async def test_a_hundred_at_once_of_one_phone_number(front: Front) -> None:
    museum = await open_museum(front, capacity=100, max_per_customer=10)
    answers = await asyncio.gather(*(museum.book() for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [201] * 10 + [409] * 90
    assert {answer.code for answer in answers if answer.status == 409} == {"limit_exceeded"}


async def test_a_schedule_changes_under_bookings(museum: Museum) -> None:
    front, booking = museum.front, await museum.booked("13:30")
    taken = {"taken": 1, "slot": f"{DAY}T13:30"}
    for patch in (
        {"times": ["08:00", "19:00"]},
        {"except": [DAY]},
        {"except": [f"{DAY}T13:30:00"]},
        {"weekdays": [1, 2, 3, 4, 5]},  # it is a Sunday
    ):
        refused = await front.call("PATCH", museum.path, {"schedule": patch})
        assert (refused.status, refused.code) == (409, "below_taken"), patch
        assert taken.items() <= refused.body.items()
    assert (await front.get(museum.path)).body["schedule"] == museum.event["schedule"]
    assert (await museum.book("13:30")).status == 201

    closed = ["2027-12-24", f"{DAY}T08"]
    changed = await front.call("PATCH", museum.path, {"schedule": {"capacity": 2, "except": closed}})
    assert changed.status == 200
    schedule = {"capacity": 2, "except": [f"{DAY}T08:00", "2027-12-24"]}
    assert changed.body["schedule"] == museum.event["schedule"] | schedule
    assert (await museum.book("13:30")).code == "slot_full"
    for time, day in (("08:00", DAY), ("08:00", "2027-12-24")):
        refused = await museum.book(time, day)
        assert (refused.status, refused.code) == (422, "slot_not_scheduled")
    assert (await front.call("PATCH", museum.path, {"schedule": {"capacity": 1}})).code == "below_taken"
    more = await front.call("PATCH", museum.path, {"schedule": {"times": ["13:30", "15:00"], "weekdays": [7, 6]}})
    assert (more.body["schedule"]["times"], more.body["schedule"]["weekdays"]) == (["13:30", "15:00"], [6, 7])
    assert (await museum.book("15:00")).status == 201
    assert (await museum.book("15:00", "2027-09-13")).code == "slot_not_scheduled"
    assert (await museum.read(booking)).body == booking


async def test_a_later_start_removes_no_slot_that_has_bookings(museum: Museum) -> None:
    front, booking = museum.front, await museum.booked("13:30")
    refused = await front.call("PATCH", museum.path, {"starts_at": "2028-01-01T08:00:00Z"})
    assert (refused.status, refused.code, refused.body["slot"]) == (409, "below_taken", f"{DAY}T13:30")
    assert (await front.get(museum.path)).body["starts_at"] == museum.event["starts_at"]
    assert (await museum.book("13:30")).status == 201
    assert (await front.call("PATCH", museum.path, {"starts_at": f"{DAY}T00:00:00Z"})).status == 200
    assert (await museum.read(booking)).body == booking


async def test_invalid_changes_of_a_schedule(museum: Museum) -> None:
    front, other = museum.front, await museum.front.event(5)
    for path, schedule, field in (
        (f"/v1/events/{other['id']}", {"capacity": 5}, "schedule"),
        (museum.path, {"weekdays": [1, 1]}, "schedule.weekdays"),
        (museum.path, {"weekdays": []}, "schedule.weekdays"),
        (museum.path, {"weekdays": [8]}, "schedule.weekdays[0]"),
        (museum.path, {"except": ["2027-02-30"]}, "schedule.except[0]"),
        (museum.path, {"except": ["2027-12-24T25"]}, "schedule.except[0]"),
    ):
        answer = await front.call("PATCH", path, {"schedule": schedule})
        assert (answer.status, answer.body["fields"][0]["path"]) == (422, field)


@pytest.mark.usefixtures("sync")
async def test_a_cancelled_event_ends_its_bookings(museum: Museum) -> None:
    front, booking = museum.front, await museum.booked()
    assert (await front.call("PATCH", museum.path, {"status": "cancelled"})).status == 200
    assert (await museum.read(booking)).body == booking | {"status": "cancelled"}
    assert await museum.listed(status="cancelled") == [booking["id"]]
    assert await museum.listed(status="booked") == []
    assert (await museum.book()).code == "sale_closed"
    for change in ({"time": "19:00"}, {"first_name": "Anna"}):
        refused = await museum.change(booking, **change)
        assert (refused.status, refused.code) == (409, "sale_closed")


async def test_an_event_that_took_place_sells_nothing(front: Front) -> None:
    event = await front.event(5, starts_at="2020-06-01T18:00:00Z")
    refused = await front.reserve((event["tickets"][0]["id"], 1))
    assert (refused.status, refused.code) == (409, "sale_closed")
    later = await front.call("PATCH", f"/v1/events/{event['id']}", {"sale_closes_at": "2090-01-01T00:00:00Z"})
    assert later.status == 200, "a window that says so sells on"
    assert (await front.reserve((event["tickets"][0]["id"], 1))).status == 201


async def test_slots_are_from_the_first_day_of_the_event_to_the_horizon(front: Front) -> None:
    today = datetime.now(UTC).date()
    first, last = today + timedelta(days=100), today + timedelta(days=730)
    museum = await open_museum(front, timezone="UTC", starts_at=f"{first}T18:00:00Z")
    for day in (first - timedelta(days=1), last + timedelta(days=1)):
        refused = await museum.book(day=str(day))
        assert (refused.status, refused.code) == (422, "slot_not_scheduled")
        assert (await front.get(f"{museum.path}/slots", date=str(day))).body["items"] == []
    for day in (first, last):
        assert (await museum.book(day=str(day))).status == 201
        assert await museum.taken(day=str(day)) == 1
    coming = (await front.get(f"{museum.path}/slots", limit=1)).body["items"]
    assert coming[0]["date"] == str(first)


async def test_changes_of_one_booking_at_once_are_all_kept(museum: Museum) -> None:
    booking = await museum.booked()
    changes = [{"first_name": "Anna"}, {"last_name": "Nowak"}, {"phone_number": "0123456789"}, {"time": "19:00"}]
    answers = await asyncio.gather(*(museum.change(booking, **change) for change in changes))
    assert {answer.status for answer in answers} == {200}
    read = (await museum.read(booking)).body
    for change in changes:
        assert change.items() <= read.items()


async def _commands_while(museum: Museum, *asked: "AbstractAsyncContextManager[ClientResponse]") -> int:
    """The function calls to Redis while these were answered."""
    assert museum.front.client.app is not None
    url = museum.front.client.app[ENGINE].settings.redis_url

    async def calls() -> int:
        return await asyncio.to_thread(commands_done, url, "fcall")

    async def read(one: "AbstractAsyncContextManager[ClientResponse]") -> None:
        async with one as answer:
            assert answer.status == 200
            await answer.read()

    before = await calls()
    await asyncio.gather(*map(read, asked))
    return await calls() - before


async def test_slots_have_an_etag_and_are_counted_once_for_a_crowd(museum: Museum) -> None:
    path, client = f"{museum.path}/slots?date={DAY}", museum.front.client
    async with client.get(path) as first:
        assert first.headers["Cache-Control"] == "public, max-age=1"
        known = {"If-None-Match": first.headers["ETag"]}
    async with client.get(path, headers=known) as again:
        assert (again.status, await again.read()) == (304, b"")
    counted = await _commands_while(museum, *(client.get(path) for _ in range(50)))
    assert counted <= 2, "once, or twice where the first was too old by then"
    await museum.booked()
    async with client.get(path, headers=known) as changed:
        assert changed.status == 200
        assert sum(slot["sold"] for slot in (await changed.json())["items"]) == 1, "what was answered is seen at once"
