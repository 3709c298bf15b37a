"""E-tickets over HTTP: their holders, and what makes them void."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.etickets import base45, from_base45
from tests.integration.api.doors.test_check_in import Doors, doors_of
from tests.support.api.api_client import Front, Json, ticket
from tests.support.effort import effort
from tests.support.waiting import wait_until

PURCHASES, PLACES = effort((4, 95), (20, 99))
ANNA = {"holder": {"first_name": "Anna", "last_name": "Nowak"}}


def statuses(etickets: list[Json]) -> list[str]:
    return [each["status"] for each in etickets]


def forged(code: str, bit: int) -> str:
    data = bytearray(from_base45(code))
    data[bit // 8] ^= 1 << bit % 8
    return base45(bytes(data))


async def test_unsigned_codes_are_unknown_and_change_nothing(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    codes = [forged(eticket["code"], bit) for bit in range(0, 83 * 8, 13)]
    for code in (*codes, "", "hello", eticket["code"][:-1], eticket["code"] + "0", "ß" * 125):
        answer = await doors.scan(code)
        assert (answer["result"], answer["eticket"]) == ("unknown", None), code
    assert await doors.etickets_of_paid() == [eticket]


async def test_a_code_of_another_event_says_so(front: Front) -> None:
    here, elsewhere = await doors_of(front), await doors_of(front)
    _, (eticket,) = await elsewhere.bought()
    assert await here.result(eticket["code"]) == "other_event"
    assert await elsewhere.etickets_of_paid() == [eticket]


async def test_nobody_is_admitted_before_the_doors_open(front: Front) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    doors = await doors_of(front, doors_open_at=later)
    _, (eticket,) = await doors.bought()
    assert await doors.result(eticket["code"]) == "not_yet"
    assert await doors.etickets_of_paid() == [eticket]
    changed = await front.call("PATCH", doors.path, {"doors_open_at": None})
    assert changed.status == 200
    assert "doors_open_at" not in changed.body
    assert await doors.result(eticket["code"]) == "admitted"


async def test_a_transfer_gives_a_new_code_and_the_old_one_is_void(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    path = f"/v1/etickets/{eticket['serial']}/transfer"
    answers = [await front.call("POST", path, ANNA, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    given = answers[0].body
    assert (answers[0].status, given) == (200, answers[1].body)
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert given == eticket | ANNA | {"code": given["code"]}
    assert given["code"] != eticket["code"]
    old = await doors.scan(eticket["code"])
    assert (old["result"], old["eticket"]["code"]) == ("void", eticket["code"]), "a gate does not learn the new code"
    assert await doors.result(given["code"]) == "admitted"
    assert await front.refused("POST", path, ANNA) == "in_use"


async def test_a_refund_makes_them_void(front: Front) -> None:
    doors = await doors_of(front)
    reservation, etickets = await doors.bought(3)
    assert await doors.result(etickets[2]["code"]) == "admitted"
    refund = f"/v1/reservations/{reservation['id']}/refund"
    some = {"restock": True, "items": [{"ticket_id": doors.ticket_id, "quantity": 1}]}
    assert (await front.call("POST", refund, some)).status in (200, 202)
    assert statuses(await doors.etickets_of_paid()) == ["valid", "void", "in"], "not that of who is inside"
    assert await doors.result(etickets[1]["code"]) == "void"
    assert (await front.call("POST", refund, {"restock": True})).status in (200, 202)
    assert statuses(await doors.etickets_of_paid()) == ["void"] * 3
    for eticket in etickets:
        assert await doors.result(eticket["code"]) == "void"
    assert await front.refused("GET", f"/v1/reservations/{reservation['id']}/etickets.pdf") == "not_held"
    assert await front.refused("GET", f"/v1/etickets/{etickets[0]['serial']}/qr.svg") == "not_held"
    assert await front.refused("POST", f"/v1/etickets/{etickets[0]['serial']}/transfer", ANNA) == "not_held"
    _, (sold_again,) = await doors.bought()
    assert sold_again["serial"] not in [each["serial"] for each in etickets]


async def test_a_cancelled_event_admits_nobody(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    assert (await front.call("PATCH", doors.path, {"status": "cancelled"})).status == 200
    assert await doors.result(eticket["code"]) == "void"
    assert statuses(await doors.etickets_of_paid()) == ["void"]
    snapshot = (await front.get(f"{doors.path}/check-ins/snapshot", since=2**52)).body
    assert (snapshot["cancelled"], snapshot["etickets"]) == (True, [])


async def test_codes_stay_valid_when_the_key_is_rotated(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    keys = (await front.get(f"{doors.path}/etickets/keys")).body["keys"]
    rotated = await front.call("POST", f"{doors.path}/etickets/keys")
    assert rotated.status == 201
    assert rotated.body["keys"][1:] == keys
    (again,) = await doors.etickets_of_paid()
    assert again["code"] != eticket["code"]
    assert await doors.result(eticket["code"]) == "admitted"
    assert await doors.result(again["code"]) == "already_in"


async def test_timed_tickets_admit_around_their_slots_start_only(start_api: Any) -> None:
    front = await start_api(slot_early_seconds=1800, slot_late_seconds=3600)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    soon, later = now + timedelta(minutes=10), now + timedelta(hours=3)
    price = {"ticket_type": "Adult", "price": ticket("", 1)["price"]}
    schedule = {"times": sorted({f"{at:%H:%M}" for at in (soon, later)}), "capacity": 20}
    body = {"name": "Museum", "starts_at": "2026-06-01T18:00:00Z", "status": "on_sale"}
    event = (await front.call("POST", "/v1/events", body | {"tickets": [price], "schedule": schedule})).body
    doors = Doors(front, event)
    codes = []
    for at, result in ((soon, "admitted"), (later, "not_yet")):
        item = {"ticket_id": doors.ticket_id, "quantity": 1, "slot": f"{at:%Y-%m-%dT%H:%M}"}
        held = await front.call("POST", "/v1/reservations", {"items": [item], "customer": {"id": "22"}})
        assert held.status == 201, held
        assert (await front.pay(held.body)).status == 200
        (eticket,) = await doors.etickets(held.body)
        assert eticket["slot"] == f"{at:%Y-%m-%dT%H:%M}"
        assert await doors.result(eticket["code"]) == result
        codes.append(eticket["code"])
    strict = Doors(await start_api(slot_early_seconds=0, slot_late_seconds=1), event)
    assert await strict.result(codes[1]) == "not_yet"


async def test_names_of_holders_are_shown_and_erased(front: Front, sync: None) -> None:
    doors = await doors_of(front)
    _, (first, second) = await doors.bought(2, customer="77")
    assert (await front.call("POST", f"/v1/etickets/{first['serial']}/transfer", ANNA)).status == 200
    assert await doors.result(second["code"], nonce="1") == "admitted"

    async def held_by() -> list[tuple[int, str | None]]:
        data = (await front.get("/v1/customers/77/data")).body
        return [(each["serial"], each["last_name"]) for each in data["etickets"]]

    assert await held_by() == [(second["serial"], "Karimov"), (first["serial"], "Nowak")]
    (scan,) = (await front.get("/v1/customers/77/data")).body["check_ins"]
    assert (scan["serial"], scan["gate"], scan["result"]) == (second["serial"], "north", "admitted")
    assert (await front.call("DELETE", "/v1/customers/77/data")).status == 202

    async def is_done() -> bool:
        return bool((await front.get("/v1/customers/77/data")).body["erasure"]["done_at"])

    await wait_until(is_done, 30, "the names are erased")
    assert await held_by() == [(second["serial"], None), (first["serial"], None)]
    nobody = {"first_name": None, "last_name": None}
    assert [each["holder"] for each in await doors.etickets_of_paid()] == [nobody] * 2
    assert (await doors.scan(second["code"], nonce="1"))["eticket"]["holder"] == nobody, "nor does a repeat tell them"


async def test_two_gates_that_were_offline_are_both_recorded_and_conflicts_name_both(front: Front, sync: None) -> None:
    """Two gates for an hour, up to 1,000 scans each, 20 codes at both."""
    came = PURCHASES * PLACES
    many = (came + 20) // 2
    doors = await doors_of(front, 2 * many, max_per_customer=2 * many)
    etickets: list[Json] = []
    for _ in range(PURCHASES):
        etickets += (await doors.bought(PLACES))[1]
    codes = [each["code"] for each in etickets]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    north, south = codes[:many], codes[many - 20 :]

    def scans(gate: str, shown: list[str], seconds: float) -> list[Json]:
        return [
            {
                "code": code,
                "gate": gate,
                "nonce": f"{gate}-{number}",
                "scanned_at": (hour_ago + timedelta(seconds=seconds + number)).isoformat(),
                "offline": True,
            }
            for number, code in enumerate(shown)
        ]

    async def upload(items: list[Json]) -> list[Json]:
        answer = await front.call("POST", f"{doors.path}/check-ins/upload", {"items": items})
        assert answer.status == 200, answer
        return list(answer.body["items"])

    parts = [
        scans(gate, shown, seconds)[first : first + many // 2]
        for gate, shown, seconds in (("north", north, 0.0), ("south", south, 0.5))
        for first in (0, many // 2)
    ]
    answered = [one for part in await asyncio.gather(*map(upload, parts)) for one in part]
    assert {one["result"] for one in answered} == {"admitted"}
    assert await upload(parts[0]) == answered[: many // 2], "a repeated upload is no second one"
    listed = await front.pages(f"{doors.path}/check-ins", limit=100)
    assert len(listed) == 2 * many
    conflicts = await front.pages(f"{doors.path}/check-ins", conflict="true")
    assert sorted(each["serial"] for each in conflicts) == sorted(each["serial"] for each in etickets[many - 20 : many])
    for each in conflicts:
        assert {each["gate"], each["conflict"]["gate"]} == {"north", "south"}
        assert each["scanned_at"] != each["conflict"]["at"]
    assert len(await front.pages(f"{doors.path}/check-ins", gate="north", result="admitted", limit=100)) == many
    figures = (await front.get(f"{doors.path}/statistics")).body["check_ins"]
    assert (figures["expected"], figures["in"], figures["out"], figures["came"]) == (came, came, 0, came)
    assert figures["tickets"] == [
        {"ticket_id": doors.ticket_id, "ticket_type": "T0", "expected": came, "in": came, "out": 0, "came": came}
    ]
    assert sum(minute["in"] for minute in figures["minutes"]) == 2 * many


async def test_offline_entries_are_put_in_the_order_of_their_times(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()

    async def offline(minutes_ago: int, direction: str, gate: str) -> Json:
        at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat()
        return await doors.scan(eticket["code"], gate, direction=direction, scanned_at=at, offline=True)

    assert (await offline(50, "out", "south"))["conflict"] is None
    assert statuses(await doors.etickets_of_paid()) == ["out"]
    assert (await offline(60, "in", "north"))["conflict"] is None, "in before out, though it came later"
    assert statuses(await doors.etickets_of_paid()) == ["out"]
    assert await doors.result(eticket["code"]) == "admitted"
    late = await offline(40, "in", "west")
    assert late["conflict"]["gate"] == "north", "the entry online came after, and nobody went out between"
    assert statuses(await doors.etickets_of_paid()) == ["in"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in first", "out first"])
async def test_an_upload_in_any_order_is_no_conflict_where_somebody_went_out_between(
    front: Front, sync: None, order: tuple[int, int]
) -> None:
    """One gate scans online; the upload of another has an entry and an exit before that, then one without an exit."""
    doors = await doors_of(front)
    _, (eticket, other) = await doors.bought(2)
    now = datetime.now(UTC)

    async def conflicts_of(scans: list[tuple[Json, str, int]]) -> list[str | None]:
        items = [
            {
                "code": each["code"],
                "gate": "south",
                "nonce": str(uuid4()),
                "direction": direction,
                "scanned_at": (now - timedelta(seconds=ago)).isoformat(),
                "offline": True,
            }
            for each, direction, ago in scans
        ]
        answer = await front.call("POST", f"{doors.path}/check-ins/upload", {"items": items})
        assert answer.status == 200, answer
        assert {one["result"] for one in answer.body["items"]} == {"admitted"}
        return [one["conflict"] and one["conflict"]["gate"] for one in answer.body["items"]]

    assert await doors.result(eticket["code"]) == await doors.result(other["code"]) == "admitted"
    passes = [(eticket, "in", 300), (eticket, "out", 200)]
    assert await conflicts_of([passes[place] for place in order]) == [None, None]
    assert await front.pages(f"{doors.path}/check-ins", conflict="true") == []
    # Nobody went out between these and the entries beside them: the exits are of another e-ticket, or at another time.
    assert await conflicts_of([(other, "in", 300), (other, "out", 400)]) == ["north", None]
    assert await conflicts_of([(eticket, "in", 100), (eticket, "out", 250)]) == ["north", None]
    assert await conflicts_of([(other, "in", 50), (eticket, "out", 20)]) == ["south", None]
    assert len(await front.pages(f"{doors.path}/check-ins", conflict="true")) == 3


async def test_a_void_eticket_that_was_let_in_offline_is_reported(front: Front, sync: None) -> None:
    doors = await doors_of(front)
    reservation, (eticket,) = await doors.bought()
    await front.call("POST", f"/v1/reservations/{reservation['id']}/refund", {"restock": True})
    assert await doors.result(eticket["code"], offline=True) == "void"
    (conflict,) = await front.pages(f"{doors.path}/check-ins", conflict="true")
    assert (conflict["serial"], conflict["gate"], conflict["conflict"]) == (eticket["serial"], "north", None)


async def test_a_snapshot_has_everything_once_and_then_what_changed(front: Front) -> None:
    doors = await doors_of(front)
    _, (first, second) = await doors.bought(2)
    snapshot = (await front.get(f"{doors.path}/check-ins/snapshot")).body
    assert [row[:4] for row in snapshot["etickets"]] == [
        [first["serial"], 0, 0, doors.ticket_id],
        [second["serial"], 0, 0, doors.ticket_id],
    ]
    assert "Karimov" not in str(snapshot)
    since = {"since": snapshot["version"]}
    assert (await front.get(f"{doors.path}/check-ins/snapshot", **since)).body["etickets"] == []
    await doors.scan(second["code"])
    changed = (await front.get(f"{doors.path}/check-ins/snapshot", **since)).body
    assert [row[:3] for row in changed["etickets"]] == [[second["serial"], 0, 1]]
    await doors.scan(second["code"])
    since = {"since": changed["version"]}
    assert (await front.get(f"{doors.path}/check-ins/snapshot", **since)).body["etickets"] == []
