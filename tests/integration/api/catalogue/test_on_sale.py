"""Public reads of the sale: events, tickets, availability."""

import asyncio
import time
from datetime import datetime
from typing import NamedTuple

from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json, ticket
from tests.support.redis_nodes import commands_done
from tests.support.waiting import wait_until


async def test_an_event_reads_the_same_from_every_side(front: Front) -> None:
    made = await front.event(300, 20, name="Опера « Ñandú »", timezone="Europe/Warsaw")

    read = await front.get(f"/v1/events/{made['id']}")
    assert (read.status, read.body) == (200, made)
    assert (await front.get("/v1/events/")).body == {"items": [made], "next_cursor": None}
    assert (await front.get("/v1/tickets/")).body["items"] == made["tickets"]
    for offered in made["tickets"]:
        assert (await front.get(f"/v1/tickets/{offered['id']}/")).body == offered
    assert made["ticket_types"] == {"T0": True, "T1": True}
    assert [offered["capacity"] for offered in made["tickets"]] == [300, 20]


async def test_an_event_is_on_sale_for_everybody_as_soon_as_the_201_is_out(start_api: StartApi) -> None:
    ours, theirs = await start_api(), await start_api()
    for _ in range(5):
        event = await ours.event(1)
        ticket_id = event["tickets"][0]["id"]

        assert event["id"] in [listed["id"] for listed in (await theirs.get("/v1/events", limit=100)).body["items"]]
        assert (await theirs.get("/v1/tickets", event_id=event["id"])).body["items"] == event["tickets"]
        assert (await theirs.get(f"/v1/events/{event['id']}/availability")).status == 200
        assert (await theirs.reserve((ticket_id, 1))).status == 201
        assert (await ours.reserve((ticket_id, 1))).code == "sold_out"


async def test_a_change_is_seen_by_everybody_as_soon_as_it_is_answered(start_api: StartApi) -> None:
    ours, theirs = await start_api(), await start_api()
    event = await ours.event(1)
    path, ticket_path = f"/v1/events/{event['id']}", f"/v1/tickets/{event['tickets'][0]['id']}"
    for number in range(5):
        assert (await theirs.get(path)).status == 200

        assert (await ours.call("PATCH", path, {"name": f"Name {number}"})).status == 200
        assert (await theirs.get(path)).body["name"] == f"Name {number}"
        price = {"amount": 100 + number, "currency": "EUR"}
        assert (await ours.call("PATCH", ticket_path, {"price": price})).status == 200
        assert (await theirs.get(ticket_path)).body["price"] == price


async def test_events_come_by_start_in_pages_without_repeats(front: Front) -> None:
    starts = ["2027-06-03T00:00:00Z", "2027-06-01T00:00:00Z", "2027-06-02T00:00:00Z", "2027-06-01T00:00:00Z"]
    made = [await front.event(starts_at=start) for start in starts]
    expected = sorted(made, key=lambda event: (event["starts_at"], event["id"]))

    assert await front.pages("/v1/events", limit=1) == expected
    assert await front.pages("/v1/events", limit=3) == expected
    assert await front.pages("/v1/events") == expected
    page = (await front.get("/v1/events", limit=4)).body
    assert page["next_cursor"] is None


async def test_an_event_that_comes_in_between_pages_is_neither_repeated_nor_hides_another(front: Front) -> None:
    first, second = await front.event(starts_at="2027-06-01T00:00:00Z"), await front.event()
    page = (await front.get("/v1/events", limit=1)).body
    assert page["items"] == [first]
    await front.event(starts_at="2027-05-01T00:00:00Z")

    rest = (await front.get("/v1/events", cursor=page["next_cursor"])).body["items"]
    assert [event["id"] for event in rest] == [second["id"]]


async def test_events_are_filtered_with_both_ends_included(front: Front) -> None:
    june = await front.event(starts_at="2027-06-01T18:00:00Z")
    july = await front.event(starts_at="2027-07-01T20:00:00+02:00", status="draft")
    assert july["starts_at"] == "2027-07-01T18:00:00Z"

    async def found(**params: str) -> list[int]:
        return [event["id"] for event in await front.pages("/v1/events", **params)]

    assert await found() == [june["id"], july["id"]]
    assert await found(**{"from": "2027-06-01T18:00:00Z", "to": "2027-07-01T18:00:00Z"}) == [june["id"], july["id"]]
    assert await found(**{"from": "2027-06-01T18:00:01Z"}) == [july["id"]]
    assert await found(to="2027-07-01T17:59:59Z") == [june["id"]]
    assert await found(**{"from": "2027-06-01", "to": "2027-06-01"}) == [june["id"]], "a whole day"
    assert await found(**{"from": "2027-06-02", "to": "2027-06-30"}) == []
    assert await found(to="2027-07-01") == [june["id"], july["id"]]
    assert await found(status="draft") == [july["id"]]
    assert await found(status="on_sale") == [june["id"]]
    assert await found(status="cancelled") == []
    assert await found(venue_id="1") == []


async def test_tickets_are_filtered_with_both_ends_included(front: Front) -> None:
    offered = [ticket("Regular", 5, 1000), ticket("VIP", 5, 3000)]
    one = await front.event(tickets=offered)
    two = await front.event(tickets=[ticket("VIP", 0, 2000)])
    regular, vip = one["tickets"]
    (none_left,) = two["tickets"]

    async def found(**params: int | str) -> list[Json]:
        return await front.pages("/v1/tickets", limit=1, **params)

    assert await found() == [regular, vip, none_left]
    assert await found(event_id=one["id"]) == [regular, vip]
    assert await found(ticket_type="VIP") == [vip, none_left]
    assert await found(ticket_type="vip") == []
    assert await found(price_from=1000, price_to=2000) == [regular, none_left]
    assert await found(price_from=1001) == [vip, none_left]
    assert await found(price_to=2999) == [regular, none_left]
    assert await found(available="true") == [regular, vip]
    assert await found(available="false") == [none_left]
    assert await found(event_id=one["id"], ticket_type="VIP", price_from=3000, price_to=3000, available="true") == [vip]
    assert await found(event_id=2**31 - 1) == []


async def test_a_type_that_is_sold_out_says_so_everywhere(front: Front) -> None:
    event = await front.event(1, 1)
    sold, left = (offered["id"] for offered in event["tickets"])
    await front.paid((sold, 1))
    await front.held((left, 1))

    now = (await front.get(f"/v1/events/{event['id']}")).body
    shapes.check_event(now)
    assert now["ticket_types"] == {"T0": False, "T1": False}
    assert await front.counts(sold) == (0, 0, 1)
    assert await front.counts(left) == (0, 1, 0)


async def test_availability_is_fresh_and_cheap_to_ask_again(front: Front) -> None:
    event = await front.event(10)
    path, ticket_id = f"/v1/events/{event['id']}/availability", event["tickets"][0]["id"]

    first = await front.get(path)
    shapes.check_availability(first.body)
    counts = {"capacity": 10, "available": 10, "held": 0, "sold": 0, "kept": 0}
    price = {"amount": 2500, "currency": "EUR"}
    assert first.body["tickets"] == [{"ticket_id": ticket_id, "price": price, **counts}]
    assert first.headers["Cache-Control"] == "public, max-age=1"
    known = {"If-None-Match": first.headers["ETag"]}
    again = await front.call("GET", path, headers=known)
    assert (again.status, again.body, again.headers["ETag"]) == (304, None, first.headers["ETag"])
    assert again.headers["Cache-Control"] == "public, max-age=1"
    for tags in ("*", f'"other", {first.headers["ETag"].removeprefix("W/")}'):
        assert (await front.call("GET", path, headers={"If-None-Match": tags})).status == 304

    await front.held((ticket_id, 3))
    await asyncio.sleep(0.1)  # the contract's own: counts are at most 100 ms old
    changed = await front.call("GET", path, headers=known)
    assert changed.status == 200
    assert changed.body["tickets"][0]["available"] == 7
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_a_crowd_of_readers_asks_redis_ten_times_a_second(start_api: StartApi, shop: Settings) -> None:
    most = await _looks_of_a_crowd(await start_api(), shop)
    assert most.looks <= 10 * most.seconds + 2, "one of them began before, one ends after"
    impatient = await _looks_of_a_crowd(await start_api(availability_age_ms=1), shop)
    assert impatient.looks >= impatient.crowds, "the control: counts may be a millisecond old"


class _Crowd(NamedTuple):
    looks: int
    seconds: float
    crowds: int


async def _looks_of_a_crowd(front: Front, settings: Settings) -> _Crowd:
    """The calls for counts to Redis while a crowd read them; the counts were at most 100 ms old."""
    event = await front.event(10)
    path = f"/v1/events/{event['id']}/availability"
    before = await asyncio.to_thread(commands_done, settings.redis_url, "fcall")
    began, reads, crowds = time.monotonic(), 0, 0
    while reads < 200 or time.monotonic() - began < 0.3:
        asked_at, crowds = time.time(), crowds + 1
        for answer in await asyncio.gather(*(front.get(path) for _ in range(20))):
            age_ms = (asked_at - datetime.fromisoformat(answer.body["as_of"]).timestamp()) * 1000
            assert age_ms <= 101, "100, and the part of a millisecond that as_of does not tell"
            reads += 1
    seconds = time.monotonic() - began
    after = await asyncio.to_thread(commands_done, settings.redis_url, "fcall")
    return _Crowd(after - before, seconds, crowds)


async def test_availability_follows_a_crowd(front: Front) -> None:
    event = await front.event(50)
    path, ticket_id = f"/v1/events/{event['id']}/availability", event["tickets"][0]["id"]

    async def look() -> int:
        return (await front.get(path)).status

    async def take() -> int:
        return (await front.reserve((ticket_id, 1))).status

    assert set(await asyncio.gather(*(ask() for _ in range(50) for ask in (look, take)))) == {200, 201}

    async def is_sold_out() -> bool:
        return bool((await front.get(path)).body["tickets"][0]["available"] == 0)

    await wait_until(is_sold_out, timeout=0.5)


async def test_heads_of_what_can_be_read(front: Front) -> None:
    event = await front.event(1)
    for path in ("/v1/events", f"/v1/events/{event['id']}", "/v1/tickets"):
        head = await front.call("HEAD", path)
        assert (head.status, head.body) == (200, None)


async def test_unknown_resources(front: Front) -> None:
    await front.event(1)
    for path in ("/v1/events/999", "/v1/events/999/availability", "/v1/events/999/statistics", "/v1/tickets/999"):
        assert await front.refused("GET", path) == "not_found"
        assert await front.refused("GET", f"{path}/") == "not_found"
    for path in ("/v1", "/v1/", "/v2/events", "/v1/event", "/events", "/v1/events/1/1", "/v1//events"):
        assert await front.refused("GET", path) == "not_found"


async def test_a_wrong_method_says_which_are_right(front: Front) -> None:
    right = {
        "/v1/events": {"GET", "HEAD", "POST"},
        "/v1/events/1": {"GET", "HEAD", "PATCH", "DELETE"},
        "/v1/events/1/availability": {"GET", "HEAD"},
        "/v1/events/1/tickets": {"POST"},
        "/v1/tickets": {"GET", "HEAD"},
        "/v1/tickets/1": {"GET", "HEAD", "PATCH", "DELETE"},
        "/v1/reservations": {"GET", "HEAD", "POST"},
        "/v1/reservations/1-a": {"GET", "HEAD", "PATCH", "DELETE"},
        "/v1/reservations/1-a/pay": {"POST"},
        "/v1/reservations/1-a/refund": {"POST"},
        "/v1/statistics/events": {"GET", "HEAD"},
        "/healthz": {"GET", "HEAD"},
    }
    for path, methods in right.items():
        for method in {"PUT", "DELETE", "POST", "PATCH"} - methods:
            answer = await front.call(method, path)
            assert (answer.status, answer.code) == (405, "method_not_allowed")
            assert {name.strip() for name in answer.headers["Allow"].split(",")} == methods | {"OPTIONS"}
