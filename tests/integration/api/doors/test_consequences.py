"""Consequences at the doors: exchanges, messages to the shop, the audit log, and reports."""

import asyncpg

from api.access.callers import Role
from tests.integration.api.access.test_access import SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.integration.api.doors.test_check_in import Doors, doors_of
from tests.integration.api.doors.test_etickets import ANNA, statuses
from tests.support.api.api_client import Front, Json, ticket
from tests.support.shared_database import SharedDatabase
from tests.support.waiting import wait_until


async def test_an_exchange_gives_other_etickets_for_other_places(front: Front) -> None:
    doors = Doors(front, await front.event(tickets=[ticket("Cheap", 5, 2500), ticket("Dear", 5, 4000)]))
    dear = doors.event["tickets"][1]["id"]
    reservation, (left, stays) = await doors.bought(2)
    items = [{"ticket_id": doors.ticket_id, "quantity": 1}, {"ticket_id": dear, "quantity": 1}]
    path = f"/v1/reservations/{reservation['id']}/exchange"
    assert (await front.call("POST", path, {"items": items, "payment_token": "tok_visa"})).status == 200
    first, second, new = await doors.etickets_of_paid()
    assert statuses([first, second, new]) == ["valid", "void", "valid"]
    assert first == left, "of places that are all alike the newest go"
    assert new["ticket_type"] == "Dear"
    assert await doors.result(stays["code"]) == "void"
    assert await doors.result(new["code"]) == "admitted"


async def test_the_shop_is_notified_of_each_entry_once(front: Front, sync: None) -> None:
    doors = await doors_of(front)
    body = {"url": "http://127.0.0.1:9/hooks", "events": ["eticket.checked_in"]}
    webhook = (await front.call("POST", "/v1/webhooks", body)).body["id"]
    _, (eticket,) = await doors.bought()
    for direction, nonce in (("in", "1"), ("in", "1"), ("in", "2"), ("out", "3"), ("in", "4")):
        await doors.scan(eticket["code"], direction=direction, nonce=nonce)

    async def told() -> list[Json]:
        return list((await front.get(f"/v1/webhooks/{webhook}/deliveries")).body["items"])

    async def two_are_told() -> bool:
        return len(await told()) == 2

    await wait_until(two_are_told, 20, "the entries are told")
    assert {each["type"] for each in await told()} == {"eticket.checked_in"}


async def test_a_transfer_by_a_service_is_in_the_audit_log(start_api: StartApi, sync: None) -> None:
    sale = await open_sale(await start_api(auth="jwt", jwt_secret=SHARED))
    path = await sale.eticket()
    assert (await sale.ask("owner", "POST", f"{path}/transfer", ANNA)).status == 200
    assert (await sale.ask("service", "POST", f"{path}/transfer", ANNA)).status == 200
    logged = await sale.ask("manager", "GET", "/v1/audit-log?action=transfer_eticket")
    (entry,) = logged.body["items"]
    assert (entry["actor"], entry["role"], entry["resource"]) == (
        "web",
        "service",
        path.replace("/v1/etickets", "eticket"),
    )
    assert entry["after"] == {"change": "transferred", "issue": 2}
    assert "Nowak" not in str(entry)
    rotated = await sale.ask("manager", "POST", f"{sale.event_path}/etickets/keys")
    assert rotated.status == 201
    logged = await sale.ask("manager", "GET", "/v1/audit-log?action=rotate_eticket_keys")
    assert [each["after"] for each in logged.body["items"]] == [{"eticket_keys": 2}]


async def test_the_reports_tell_who_came_who_did_not_and_what_was_odd(
    front: Front, sync: None, shared_database: SharedDatabase
) -> None:
    doors = await doors_of(front)
    _, etickets = await doors.bought(3)
    await doors.scan(etickets[0]["code"], "north", offline=True, scanned_at="2026-01-01T10:00:00Z")
    await doors.scan(etickets[0]["code"], "south", offline=True, scanned_at="2026-01-01T11:00:00Z")
    await doors.scan("hello", "north")
    assert len(await front.pages(f"{doors.path}/check-ins")) == 3
    owner = await asyncpg.connect(shared_database.url, timeout=10)
    try:
        shows = await owner.fetch(
            "SELECT event_name, ticket_type, expected, came, no_shows FROM reporting.no_shows WHERE event_id = $1",
            doors.event["id"],
        )
        assert [tuple(row) for row in shows] == [("Big event", "T0", 3, 1, 2)]
        odd = await owner.fetch("SELECT kind, gate, other_gate FROM reporting.check_in_conflicts")
        assert [tuple(row) for row in odd] == [("double_entry", "south", "north")]
        scans = await owner.fetch("SELECT gate, result, ticket_type FROM reporting.check_ins ORDER BY recorded_at")
        assert [tuple(row) for row in scans] == [
            ("north", "admitted", "T0"),
            ("south", "admitted", "T0"),
            ("north", "unknown", None),
        ]
    finally:
        await owner.close()


async def test_a_token_of_a_gate_lets_nobody_see_more(start_api: StartApi) -> None:
    sale = await open_sale(await start_api(auth="jwt", jwt_secret=SHARED))
    sale.tokens["gate"] = sale.token(Role.GATE, "north", [sale.event["id"]])
    path = await sale.eticket()
    assert (await sale.ask("gate", "GET", f"{path}/qr.svg")).status == 403
    listed = (await sale.ask("gate", "GET", f"{sale.event_path}/check-ins/snapshot")).body
    assert listed["etickets"], "the negative control"
    assert "code" not in str(listed["etickets"])
