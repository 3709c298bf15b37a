"""Reads from Postgres: lists of reservations, statistics, and reservations that Redis no longer keeps."""

import pytest

from api.app_keys import ENGINE
from engine.commands.reservations import Find
from engine.results.reservations import NotFound
from engine.settings import Settings
from sync.audit.audit import audit
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json
from tests.support.api.two_event_carts import PRICE, Tour
from tests.support.waiting import wait_until


async def _listed(front: Front, reservations: int, **params: int | str) -> list[Json]:
    """The list, which must have that many, at once."""
    found = await front.pages("/v1/reservations", **params)
    assert len(found) == reservations, found
    for reservation in found:
        shapes.check_reservation(reservation)
    return found


async def _statistics(front: Front, path: str, **expected: Json) -> Json:
    """The row that a path answers, which must have these values, at once."""
    answer = await front.get(path)
    assert answer.status == 200, answer
    row = answer.body["items"][0] if "items" in answer.body else answer.body
    assert {name: row[name] for name in expected} == expected
    return row


@pytest.mark.usefixtures("sync")
async def test_reservations_are_listed_newest_first(front: Front) -> None:
    one, two = await front.event(100, 100), await front.event(100)
    first, second = (each["id"] for each in one["tickets"])
    other = two["tickets"][0]["id"]
    held = await front.held((first, 1), (second, 2), customer="a")
    await _listed(front, 1)  # reservations of one millisecond are listed in the order of their ids
    paid = await front.paid((second, 1), customer="b")
    cancelled = await front.held((other, 1), customer="a")
    assert (await front.call("DELETE", f"/v1/reservations/{cancelled['id']}")).status == 204
    twice = await front.held((first, 1), (first, 1), customer="null")
    await _listed(front, 1, status="cancelled")
    everything = await _listed(front, 4, limit=100)

    async def found(**params: int | str) -> list[str]:
        items = await front.pages("/v1/reservations", limit=1, **params)
        return [item["id"] for item in items]

    newest_first = [reservation["id"] for reservation in (twice, cancelled, paid, held)]
    assert [reservation["id"] for reservation in everything] == newest_first
    assert await found() == newest_first
    assert await found(event_id=one["id"]) == [twice["id"], paid["id"], held["id"]]
    assert await found(ticket_id=second) == [paid["id"], held["id"]]
    assert await found(ticket_id=first) == [twice["id"], held["id"]]
    assert await found(customer_id="a") == [cancelled["id"], held["id"]]
    assert await found(customer_id="null") == [twice["id"]]
    assert await found(status="paid") == [paid["id"]]
    assert await found(event_id=one["id"], ticket_id=second, customer_id="b", status="paid") == [paid["id"]]
    assert await found(event_id=two["id"], ticket_id=first) == []
    assert await found(event_id=999) == []
    for listed in everything:
        expected = await front.read(listed)
        assert listed | {"expires_in_ms": 0} == expected | {"expires_in_ms": 0}


@pytest.mark.usefixtures("sync")
async def test_places_taken_out_of_a_cart_are_listed_as_cancelled(tour: Tour, shop: Settings) -> None:
    front, cart = tour.front, await tour.take((0, 0))
    (full,) = await _listed(front, 1)
    assert full["total"]["amount"] == PRICE
    await tour.remove(cart, 0, 0)
    (emptied,) = await _listed(front, 1, status="cancelled")
    assert emptied["id"] == full["id"]
    assert emptied["items"] == full["items"], "it tells what was let go, as every cancelled one does"
    await tour.take((0, 1), cart=cart)
    (full,) = await _listed(front, 1, status="held")
    assert full["id"] != emptied["id"]
    assert [seat["seat_id"] for item in full["items"] for seat in item["seats"]] == [tour.seats[1]]
    assert (await front.call("DELETE", f"/v1/reservations/{full['id']}")).status == 204
    await _listed(front, 2, status="cancelled")
    assert await audit(shop) == []


@pytest.mark.usefixtures("sync")
async def test_pages_stay_whole_while_reservations_come_in(front: Front) -> None:
    event = await front.event(100)
    ticket_id = event["tickets"][0]["id"]
    for _ in range(7):
        await front.held((ticket_id, 1))
    old = [item["id"] for item in await _listed(front, 7)]
    page = (await front.get("/v1/reservations", limit=3)).body
    seen = [item["id"] for item in page["items"]]
    while page["next_cursor"] is not None:
        await front.held((ticket_id, 1))
        page = (await front.get("/v1/reservations", limit=3, cursor=page["next_cursor"])).body
        seen += [item["id"] for item in page["items"]]
    assert seen == old


@pytest.mark.usefixtures("sync")
async def test_an_expired_reservation_is_listed_as_such(front: Front) -> None:
    event = await front.event(1, hold_seconds=1)
    held = await front.held((event["tickets"][0]["id"], 1))

    async def listed_as_expired() -> bool:
        return bool((await front.get("/v1/reservations", status="expired")).body["items"])

    await wait_until(listed_as_expired, timeout=3)
    (expired,) = await _listed(front, 1, status="expired")
    assert expired == await front.read(held)


@pytest.mark.usefixtures("sync")
async def test_statistics_tell_each_place_once(front: Front) -> None:
    event = await front.event(4, 2, price=1000, name="Counted")
    ticket_id, other = (each["id"] for each in event["tickets"])
    path = f"/v1/events/{event['id']}/statistics"
    nothing = {"reserved": 0, "held": 0, "sold": 0, "cancelled": 0, "expired": 0, "refunded": 0, "kept": 0}
    before = await _statistics(front, path)
    shapes.check_event_figures(before)
    nobody = {"expected": 0, "in": 0, "out": 0, "came": 0, "tickets": [], "minutes": []}
    assert before == nothing | {
        "check_ins": nobody,
        "event_id": event["id"],
        "name": "Counted",
        "revenue": {"amount": 0, "currency": "EUR"},
        "conversion": None,
        "sales_per_minute": 0,
        "first_sale_at": None,
        "sold_out_at": None,
    }

    await front.held((other, 1))
    await front.paid((ticket_id, 2))
    cancelled = await front.held((ticket_id, 1))
    assert (await front.call("DELETE", f"/v1/reservations/{cancelled['id']}")).status == 204
    refunded = await front.paid((other, 1))
    refund = f"/v1/reservations/{refunded['id']}/refund"
    assert (await front.call("POST", refund, {"restock": True})).status == 200
    expected = {"reserved": 3, "held": 1, "sold": 2, "cancelled": 1, "expired": 0, "refunded": 1}
    row = await _statistics(front, path, **expected)
    shapes.check_event_figures(row)
    assert row["revenue"]["amount"] == 2000
    assert row["conversion"] == pytest.approx(1 / 3)
    assert row["sales_per_minute"] == pytest.approx(2 / 60)
    assert row["first_sale_at"] is not None
    assert row["sold_out_at"] is None
    assert row.pop("check_ins")["expected"] == 2
    assert (await front.get("/v1/statistics/events")).body == {"items": [row], "next_cursor": None}

    types = await front.pages("/v1/statistics/ticket-types", limit=1)
    for each in types:
        shapes.check_ticket_type_figures(each)
    assert [(each["ticket_type"], each["reserved"], each["sold"], each["refunded"]) for each in types] == [
        ("T0", 2, 2, 0),
        ("T1", 1, 0, 1),
    ]


@pytest.mark.usefixtures("sync")
async def test_statistics_of_types_are_over_all_events(front: Front) -> None:
    events = [await front.event(1, price=1000) for _ in range(3)]
    for event in events:
        await front.paid((event["tickets"][0]["id"], 1))
    row = await _statistics(front, "/v1/statistics/ticket-types", sold=3)
    assert (row["ticket_type"], row["revenue"]["amount"], row["conversion"]) == ("T0", 3000, 1)
    rows = await front.pages("/v1/statistics/events", limit=2)
    assert [each["event_id"] for each in rows] == [event["id"] for event in events]
    for each in rows:
        shapes.check_event_figures(each)
        assert each["sold_out_at"] == each["first_sale_at"] is not None


@pytest.mark.usefixtures("sync")
async def test_a_reservation_outlives_its_place_in_redis(start_api: StartApi, ledger: GatewayLedger) -> None:
    front = await start_api(archive_seconds=1)
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    paid, cancelled = await front.paid((ticket_id, 2)), await front.held((ticket_id, 1))
    gone = f"/v1/reservations/{cancelled['id']}"
    assert (await front.call("DELETE", gone)).status == 204
    (listed,) = await _listed(front, 1, status="paid")
    engine = front.client.server.app[ENGINE]  # type: ignore[attr-defined]  # a TestServer has its app

    async def forgotten() -> bool:
        found = [await engine.submit(Find(each["id"])) for each in (paid, cancelled)]
        return all(isinstance(each, NotFound) for each in found)

    await wait_until(forgotten, timeout=4)
    assert await front.read(paid) == listed == paid
    again = await front.pay(paid)
    assert (again.status, again.body) == (200, paid)
    refused = await front.pay(paid, amount=1)
    assert (refused.status, refused.code) == (422, "amount_mismatch")
    assert (await front.call("DELETE", f"/v1/reservations/{paid['id']}")).code == "already_paid"
    assert (await front.read(cancelled))["status"] == "cancelled"
    assert (await front.call("DELETE", gone)).status == 204
    assert (await front.pay(cancelled)).code == "cancelled"
    refund = await front.call("POST", f"/v1/reservations/{paid['id']}/refund", {"restock": True})
    assert (refund.status, refund.body["status"]) == (200, "refunded")
    assert ledger.returned() == [5000]
    assert await front.counts(ticket_id) == (10, 0, 0)
