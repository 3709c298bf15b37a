"""The rules of a time zone change between bookings: slots stay the same ones, at the same local time."""

import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest

from engine import time_zones
from tests.support.api.api_client import Front
from tests.support.api.timed_event import DAY, open_museum

_CAPACITY = 5


@pytest.fixture
def new_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Another tzdata, in which Warsaw keeps the time of Lisbon: one hour later than now by UTC."""

    def install() -> None:
        with resources.as_file(resources.files("tzdata") / "zoneinfo") as rules:
            shutil.copytree(rules / "Europe", tmp_path / "Europe")
            shutil.copy(rules / "Europe" / "Lisbon", tmp_path / "Europe" / "Warsaw")
        monkeypatch.setattr(time_zones, "_rules", lambda: tmp_path)
        time_zones._load.cache_clear()

    yield install
    time_zones._load.cache_clear()


@pytest.mark.usefixtures("sync")
async def test_other_rules_double_nobody(front: Front, new_rules: Callable[[], None]) -> None:
    adult = {"ticket_type": "Adult", "price": {"amount": 1500, "currency": "EUR"}}
    museum = await open_museum(front, capacity=_CAPACITY, tickets=[adult])
    ticket_id = museum.event["tickets"][0]["id"]
    booked = [await museum.booked() for _ in range(_CAPACITY - 1)]
    item = {"ticket_id": ticket_id, "quantity": 1, "slot": f"{DAY}T13:30"}
    held = await front.call("POST", "/v1/reservations", {"items": [item], "customer": {"id": "22"}})
    assert {booking["starts_at"] for booking in booked} == {f"{DAY}T11:30:00Z"}
    assert (await museum.book()).code == "slot_full"

    new_rules()

    slot = await museum.slot("13:30")
    assert (slot["available"], slot["sold"], slot["held"], slot["starts_at"]) == (0, 4, 1, f"{DAY}T12:30:00Z")
    assert (await museum.book()).code == "slot_full", "the full slot is full"
    for booking in booked:
        read = (await museum.read(booking)).body
        assert (read["date"], read["time"], read["starts_at"]) == (DAY, "13:30", f"{DAY}T12:30:00Z")
    assert sorted(await museum.listed(date=DAY, time="13:30")) == sorted(booking["id"] for booking in booked)
    assert await museum.listed(time="14:30") == []
    shown = (await front.get(f"/v1/reservations/{held.body['id']}")).body["items"][0]
    assert (shown["slot"], shown["starts_at"]) == (f"{DAY}T13:30", f"{DAY}T12:30:00Z")
    assert (await front.pay(held.body)).status == 200

    moved = await museum.change(booked[0], time="19:00")
    assert (moved.body["time"], moved.body["starts_at"]) == ("19:00", f"{DAY}T18:00:00Z")
    assert (await museum.book()).status == 201, "the place that was left, once"
    assert (await museum.book()).code == "slot_full"
