"""Bookings of slots: free of charge, by name and phone."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.app_keys import ENGINE
from engine.commands.bookings import FindBooking
from engine.results.reservations import NotFound
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json
from tests.support.api.timed_event import CAPACITY, DAY, NAMES, TIMES, Museum, open_museum
from tests.support.waiting import wait_until


@pytest.fixture
async def museum(front: Front) -> Museum:
    return await open_museum(front)


async def test_a_booking_says_all_of_itself(museum: Museum) -> None:
    answer = await museum.book()

    assert answer.status == 201
    shapes.check_booking(answer.body)
    assert answer.headers["Location"] == museum.at(answer.body)
    assert answer.body == NAMES | {
        "id": answer.body["id"],
        "event_id": museum.event["id"],
        "date": DAY,
        "time": "13:30",
        "starts_at": "2027-09-12T11:30:00Z",
        "status": "booked",
        "expired": False,
        "created_at": answer.body["created_at"],
    }
    assert (await museum.read(answer.body)).body == answer.body
    assert (await museum.slot())["sold"] == 1


async def test_times_may_be_short_or_long(front: Front) -> None:
    museum = await open_museum(front, times=["08:00", "13:30", "17:45:30"])
    shown = [(await museum.booked(time))["time"] for time in ("08", "08:00", "08:00:00", "13:30:00", "17:45:30")]
    assert shown == ["08:00", "08:00", "08:00", "13:30", "17:45:30"]
    assert await museum.taken("08:00") == 3


async def test_a_full_slot_takes_no_more_and_a_deleted_booking_makes_room(museum: Museum) -> None:
    bookings = [await museum.booked() for _ in range(CAPACITY)]
    full = await museum.book()
    assert (full.status, full.code, full.body["capacity"]) == (409, "slot_full", CAPACITY)
    assert (await museum.front.call("DELETE", museum.at(bookings[0]))).status == 204
    assert (await museum.book()).status == 201
    assert await museum.taken() == CAPACITY


async def test_a_deleted_booking_is_gone(museum: Museum) -> None:
    booking = await museum.booked()
    assert (await museum.front.call("DELETE", museum.at(booking))).status == 204
    for method, body in (("GET", ()), ("DELETE", ()), ("PATCH", ({"first_name": "Anna"},))):
        assert await museum.front.refused(method, museum.at(booking), *body) == "not_found"
    assert await museum.taken() == 0


async def test_changes_of_a_booking(museum: Museum) -> None:
    booking = await museum.booked()
    for change, starts_at in (
        ({"first_name": "Anna"}, "2027-09-12T11:30:00Z"),
        ({"phone_number": "0123456789", "last_name": "Nowak"}, "2027-09-12T11:30:00Z"),
        ({"time": "19:00"}, "2027-09-12T17:00:00Z"),
        ({"date": "2027-12-24"}, "2027-12-24T18:00:00Z"),
        ({"date": DAY, "time": "08:00", "first_name": "Ewa"}, "2027-09-12T06:00:00Z"),
        ({}, "2027-09-12T06:00:00Z"),
    ):
        answer = await museum.change(booking, **change)
        booking |= change | {"starts_at": starts_at}
        assert (answer.status, answer.body) == (200, booking)
        assert (await museum.read(booking)).body == booking
    assert (await museum.taken("13:30"), await museum.taken("08:00")) == (0, 1)


async def test_a_move_into_a_full_slot_changes_nothing(front: Front) -> None:
    museum = await open_museum(front, capacity=1)
    booking, _ = await museum.booked("08:00"), await museum.booked("13:30")
    refused = await museum.change(booking, time="13:30", first_name="Anna")
    assert (refused.status, refused.code) == (409, "slot_full")
    assert (await museum.read(booking)).body == booking
    assert (await museum.taken("08:00"), await museum.taken("13:30")) == (1, 1)
    assert (await museum.change(booking, time="08:00", first_name="Anna")).status == 200


async def test_a_hundred_at_once_for_twenty_places(museum: Museum) -> None:
    answers = await asyncio.gather(*(museum.book() for _ in range(100)))
    assert Counter(answer.status for answer in answers) == {201: 20, 409: 80}
    assert {answer.code for answer in answers if answer.status == 409} == {"slot_full"}
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 20
    assert (await museum.slot())["available"] == 0


async def test_fifty_at_once_move_into_five_places(museum: Museum) -> None:
    for _ in range(15):
        await museum.booked("19:00")
    movers = [await museum.booked(TIMES[number % 3]) for number in range(50)]
    answers = await asyncio.gather(*(museum.change(booking, time="19:00") for booking in movers))
    assert Counter(answer.status for answer in answers) == {200: 5, 409: 45}
    for booking, answer in zip(movers, answers, strict=True):
        moved = booking | {"time": "19:00", "starts_at": "2027-09-12T17:00:00Z"}
        assert (await museum.read(booking)).body == (moved if answer.status == 200 else booking)
    assert await museum.taken("19:00") == 20
    assert sum([await museum.taken(time) for time in TIMES[:3]]) == 45


async def test_a_key_books_once(museum: Museum) -> None:
    key = {"Idempotency-Key": "family-trip"}
    first = await museum.book(headers=key)
    again = await museum.book(headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert await museum.taken() == 1
    other = await museum.book("19:00", headers=key)
    assert (other.status, other.code) == (422, "key_reused")

    await museum.change(first.body, time="08:00", first_name="Anna")
    assert (await museum.book(headers=key)).body == first.body
    await museum.front.call("DELETE", museum.at(first.body))
    assert (await museum.book(headers=key)).body == first.body
    assert (await museum.read(first.body)).status == 404


async def test_keys_that_race_book_once(museum: Museum) -> None:
    answers = await asyncio.gather(*(museum.book(headers={"Idempotency-Key": "k"}) for _ in range(10)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert await museum.taken() == 1


@pytest.mark.parametrize(
    ("change", "code", "fields"),
    [
        ({"first_name": None}, "invalid", ["first_name"]),
        ({"last_name": ""}, "invalid", ["last_name"]),
        ({"phone_number": "933455678"}, "invalid", ["phone_number"]),
        ({"phone_number": "93345567890"}, "invalid", ["phone_number"]),
        ({"phone_number": "933-455-67"}, "invalid", ["phone_number"]),
        ({"phone_number": "٩٣٣٤٥٥٦٧٨٩"}, "invalid", ["phone_number"]),
        ({"phone_number": 9334556789}, "invalid", ["phone_number"]),
        ({"date": "12.09.2027"}, "invalid", ["date"]),
        ({"date": "2027-02-29"}, "invalid", ["date"]),
        ({"date": "9999-12-31"}, "invalid", ["date"]),
        ({"time": "1330"}, "invalid", ["time"]),
        ({"time": "24:00"}, "invalid", ["time"]),
        ({"time": "13:31"}, "slot_not_scheduled", None),
        ({"date": "2026-01-02"}, "invalid", ["date", "time"]),
        ({"date": "2025-12-31"}, "invalid", ["date", "time"]),
        ({"date": "2999-01-02"}, "slot_not_scheduled", None),
        ({"phone_number": "+0123456789"}, "invalid", ["phone_number"]),
        ({"phone_number": "+4812345678901234"}, "invalid", ["phone_number"]),
        ({"seat": 1}, "invalid", ["seat"]),
    ],
)
async def test_every_mistake_has_its_answer(museum: Museum, change: Json, code: str, fields: list[str] | None) -> None:
    booking = await museum.booked("19:00")
    body = NAMES | {"date": DAY, "time": "13:30"}
    for method, path, sent in (
        ("POST", f"{museum.path}/bookings", body | change),
        ("PATCH", museum.at(booking), {"time": "13:30"} | change),
    ):
        answer = await museum.front.call(method, path, sent)
        assert (answer.status, answer.code) == (422, code), answer
        assert [field["path"] for field in answer.body.get("fields", [])] == (fields or []), answer.body
    assert (await museum.read(booking)).body == booking
    assert await museum.taken() == 0


async def test_a_field_that_is_missing_is_named(museum: Museum) -> None:
    body = NAMES | {"date": DAY, "time": "13:30"}
    for name in body:
        sent = {field: value for field, value in body.items() if field != name}
        answer = await museum.front.call("POST", f"{museum.path}/bookings", sent)
        assert (answer.status, answer.body["fields"]) == (
            422, [{"path": name, "message": "required, but missing"}],
        )  # fmt: skip


async def test_ids_that_are_none_or_unknown(museum: Museum) -> None:
    details = set()
    for booking_id in (str(uuid4()), "7", "not-a-uuid", str(uuid4())[:-1], f"{uuid4()}0"):
        for method, body in (("GET", ()), ("PATCH", ({"first_name": "Anna"},)), ("DELETE", ())):
            answer = await museum.front.call(method, f"{museum.path}/bookings/{booking_id}", *body)
            assert (answer.status, answer.code) == (404, "not_found")
            details.add(answer.body["detail"])
    assert len(details) == 2
    other = await open_museum(museum.front)
    booking = await museum.booked()
    assert (await museum.front.get(f"{other.path}/bookings/{booking['id']}")).status == 404
    assert (await museum.front.get(f"{museum.path}/bookings/{booking['id'].upper()}")).body == booking


async def test_an_event_that_is_not_timed_has_neither_bookings_nor_slots(front: Front) -> None:
    event = await front.event(5)
    path = f"/v1/events/{event['id']}"
    for method, at, body in (
        ("POST", "bookings", (NAMES | {"date": DAY, "time": "13:30"},)),
        ("GET", "bookings", ()),
        ("GET", f"bookings/{uuid4()}", ()),
        ("GET", "slots", ()),
    ):
        answer = await front.call(method, f"{path}/{at}", *body)
        assert (answer.status, answer.code) == (404, "not_found")
        assert "no schedule" in answer.body["detail"]
    assert (await front.get("/v1/events/2147483647/slots")).status == 404


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"status": "draft"}, "not_on_sale_yet"), ({"status": "closed"}, "sale_closed"),
     ({"sale_opens_at": "2027-01-01T00:00:00Z"}, "not_on_sale_yet"),
     ({"sale_closes_at": "2026-01-01T00:00:00Z"}, "sale_closed")],
)  # fmt: skip
async def test_an_event_that_does_not_sell_is_not_booked(front: Front, fields: Json, code: str) -> None:
    museum = await open_museum(front, **fields)
    answer = await museum.book()
    assert (answer.status, answer.code) == (409, code)


async def test_slots_when_clocks_change(front: Front) -> None:
    museum = await open_museum(front, times=["01:30", "02:30", "03:30"])
    spring, autumn = "2027-03-28", "2027-10-31"
    slots = {
        day: [(slot["time"], slot["starts_at"]) for slot in await front.pages(f"{museum.path}/slots", date=day)]
        for day in (spring, autumn)
    }
    assert slots[spring] == [("01:30", "2027-03-28T00:30:00Z"), ("03:30", "2027-03-28T01:30:00Z")]
    assert slots[autumn] == [
        ("01:30", "2027-10-30T23:30:00Z"), ("02:30", "2027-10-31T00:30:00Z"), ("03:30", "2027-10-31T02:30:00Z"),
    ]  # fmt: skip
    skipped = await museum.book("02:30", spring)
    assert (skipped.status, skipped.code) == (422, "slot_not_scheduled")
    booking = await museum.booked("02:30", autumn)
    assert (booking["time"], booking["starts_at"]) == ("02:30", "2027-10-31T00:30:00Z")
    assert (await museum.change(booking, date=spring)).code == "slot_not_scheduled"
    assert (await museum.read(booking)).body == booking


@pytest.mark.usefixtures("sync")
async def test_lists_by_date_by_time_by_both_and_all(museum: Museum) -> None:
    days = ("2027-09-11", DAY, "2027-09-13")
    ids = {
        (day, time): sorted([(await museum.booked(time, day))["id"] for _ in range(2)])
        for day in days
        for time in TIMES
    }

    def of(*wanted: tuple[str, str]) -> list[str]:
        return [booking_id for slot in wanted for booking_id in ids[slot]]

    assert await museum.listed() == of(*ids)
    assert await museum.listed(limit=5) == of(*ids)
    assert await museum.listed(date=DAY) == of(*((DAY, time) for time in TIMES))
    assert await museum.listed(date=DAY, limit=5) == of(*((DAY, time) for time in TIMES))
    assert await museum.listed(time="13:30", limit=1) == of(*((day, "13:30") for day in days))
    assert await museum.listed(date=DAY, time="08") == of((DAY, "08:00"))
    assert await museum.listed(date=DAY, time="08:01") == []
    assert await museum.listed(date="2027-09-14") == []
    assert await museum.listed(status="booked", date=DAY, time="21:45:00") == of((DAY, "21:45"))
    assert await museum.listed(status="expired") == []
    assert await (await open_museum(museum.front)).listed() == []


@pytest.mark.usefixtures("sync")
async def test_a_list_has_every_earlier_change(museum: Museum) -> None:
    booking = await museum.booked()
    assert await museum.listed() == [booking["id"]]
    await museum.change(booking, time="08:00", last_name="Nowak")
    (listed,) = (await museum.front.get(f"{museum.path}/bookings", time="08:00")).body["items"]
    assert listed == (await museum.read(booking)).body
    assert await museum.listed(time="13:30") == []
    await museum.front.call("DELETE", museum.at(booking))
    assert await museum.listed() == []


async def test_slots_of_a_date_and_of_the_days_to_come(museum: Museum) -> None:
    slots = await museum.front.pages(f"{museum.path}/slots", date=DAY, limit=4)
    assert [slot["time"] for slot in slots] == TIMES
    assert all(slot["available"] == slot["capacity"] == CAPACITY for slot in slots)
    coming = await museum.front.pages(f"{museum.path}/slots", limit=100)
    for slot in coming:
        shapes.check_slot(slot)
    now = datetime.now(UTC)
    assert 30 * 6 <= len(coming) <= 31 * 6
    starts = [datetime.fromisoformat(slot["starts_at"]) for slot in coming]
    assert starts == sorted(set(starts))
    assert now < starts[0] < now + timedelta(hours=11)
    assert (await museum.front.get(f"{museum.path}/slots", date="2026-01-01")).body["items"] == []
    assert await museum.front.refused("GET", f"{museum.path}/slots?date=tomorrow") == "invalid"


@pytest.mark.usefixtures("sync")
async def test_a_booking_expires_at_its_instant_and_outlives_its_place_in_redis(start_api: StartApi) -> None:
    front = await start_api(booking_expires_ms=1)
    start = (datetime.now(UTC) + timedelta(seconds=5)).replace(microsecond=0)
    day, time = start.date().isoformat(), start.time().isoformat()
    starts_at = "2026-01-01T00:00:00Z"
    museum = Museum(front, await front.event(starts_at=starts_at, schedule={"times": [time], "capacity": CAPACITY}))
    booking = await museum.booked(time, day)

    async def expired() -> bool:
        return bool((await museum.read(booking)).body["expired"])

    async def forgotten() -> bool:
        assert front.client.app is not None
        find = FindBooking(museum.event["id"], booking["id"])
        return isinstance(await front.client.app[ENGINE].submit(find), NotFound)

    assert await museum.listed(status="booked") == [booking["id"]]
    assert not await expired()
    await wait_until(expired, timeout=10)
    assert datetime.now(UTC) >= start
    await wait_until(forgotten, timeout=3)
    assert (await museum.read(booking)).body == booking | {"status": "expired", "expired": True}
    assert await museum.listed(status="expired") == [booking["id"]]
    assert await museum.listed(status="booked") == []
    for method, body in (("PATCH", ({"first_name": "Anna"},)), ("DELETE", ())):
        answer = await museum.front.call(method, museum.at(booking), *body)
        assert (answer.status, answer.code) == (410, "expired")
    past = await museum.book(time, day)
    assert (past.status, past.code) == (422, "invalid")
