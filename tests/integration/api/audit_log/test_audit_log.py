"""The audit log over HTTP, and its hash chains."""

import asyncio

import asyncpg
import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from sync.audit.log_chains import broken_chains
from sync.postgres import Postgres
from sync.worker import run_sync
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json, ticket
from tests.support.shared_database import SharedDatabase
from tests.support.waiting import wait_until

_SHARED = "a secret of thirty-two bytes or more"
_EVENT = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "tickets": [ticket("VIP", 5)]}


def as_(role: Role, sub: str) -> dict[str, str]:
    token = mint_token(Settings(jwt_secret=_SHARED), role, sub, ttl_seconds=86_400)
    return {"Authorization": f"Bearer {token}"}


BOSS, SHOP, CUSTOMER = as_(Role.MANAGER, "boss"), as_(Role.SERVICE, "shop"), as_(Role.CUSTOMER, "22")


@pytest.fixture
async def guarded(start_api: StartApi) -> Front:
    return await start_api(auth="jwt", jwt_secret=_SHARED)


async def entries(front: Front, **query: str) -> list[Json]:
    answer = await front.call("GET", "/v1/audit-log", headers=BOSS, params=query or None)
    assert answer.status == 200, answer
    return list(answer.body["items"])


@pytest.mark.usefixtures("sync")
async def test_a_refund_tells_what_was_there_before_and_what_goes_back(guarded: Front, front: Front) -> None:
    event = await front.event(5)
    paid = await front.paid((event["tickets"][0]["id"], 3))
    some = {"restock": True, "items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 1}]}
    path = f"/v1/reservations/{paid['id']}/refund"
    assert (await guarded.call("POST", path, some, headers=BOSS)).status == 200
    given_back, owed = await entries(guarded, event_id=str(event["id"]), action="refund_reservation")
    assert (owed["after"]["change"], given_back["after"]["change"]) == ("refund_due", "refunded")
    assert owed["before"] == {"status": "paid", "places": 3}, "what the customer did just before counts, too"
    assert owed["after"]["places"] == 2
    assert given_back["after"]["refunded"] == {"amount": 2500, "currency": "EUR"}


@pytest.mark.usefixtures("sync")
async def test_refunding_a_cancelled_event_is_logged_once_and_no_change_is_not(guarded: Front) -> None:
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    path = f"/v1/events/{event['id']}"
    for body in ({}, {"name": event["name"]}, {"status": "cancelled"}):
        assert (await guarded.call("PATCH", path, body, headers=BOSS)).status == 200
    for _ in range(2):
        assert (await guarded.call("POST", f"{path}/refund", headers=BOSS)).status == 202
    assert [entry["action"] for entry in await entries(guarded, event_id=str(event["id"]))] == [
        *("refund_event", "change_event", "create_event")
    ]


@pytest.mark.usefixtures("sync")
async def test_bounds_and_names_that_cannot_be_are_refused(guarded: Front) -> None:
    for query in (
        {"actor": "\0"},
        {"action": "\0"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
    ):
        refused = await guarded.call("GET", "/v1/audit-log", headers=BOSS, params=query)
        assert (refused.status, refused.code) == (422, "invalid"), query


@pytest.mark.usefixtures("sync")
async def test_changes_of_managers_and_services_are_listed_newest_first(guarded: Front) -> None:
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    ticket_id = event["tickets"][0]["id"]
    price = {"price": {"amount": 999, "currency": "EUR"}}
    changed = await guarded.call("PATCH", f"/v1/tickets/{ticket_id}", price, headers=BOSS | {"X-Request-ID": "why-1"})
    assert changed.status == 200
    body = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "customer": {"id": "23"}}
    held = (await guarded.call("POST", "/v1/reservations", body, headers=SHOP)).body
    mine = {"items": [{"ticket_id": ticket_id, "quantity": 1}]}
    assert (await guarded.call("POST", "/v1/reservations", mine, headers=CUSTOMER)).status == 201
    assert (await guarded.call("DELETE", f"/v1/reservations/{held['id']}", headers=SHOP)).status == 204
    assert (await guarded.call("PATCH", f"/v1/tickets/{ticket_id}", {"capacity": 0}, headers=BOSS)).status == 409

    found = await entries(guarded, event_id=str(event["id"]))
    assert [(entry["actor"], entry["role"], entry["action"], entry["resource"]) for entry in found] == [
        ("shop", "service", "cancel_reservation", f"reservation/{held['id']}"),
        ("shop", "service", "create_reservation", f"reservation/{held['id']}"),
        ("boss", "manager", "change_ticket", f"ticket/{ticket_id}"),
        ("boss", "manager", "create_event", f"event/{event['id']}"),
    ]
    cancelled, created, repriced, published = found
    assert published["after"]["tickets"][0]["price"] == {"amount": 2500, "currency": "EUR"}
    assert published["after"]["starts_at"].endswith("Z")
    assert (cancelled["before"], cancelled["after"]["status"]) == ({"status": "held", "places": 1}, "cancelled")
    assert (created["before"], created["after"]["status"]) == (None, "held")
    assert repriced["before"] == {"price": {"amount": 2500, "currency": "EUR"}}, "what changed, as the API writes it"
    assert repriced["after"] == {"price": {"amount": 999, "currency": "EUR"}}
    assert repriced["request_id"] == "why-1"
    assert [entry["action"] for entry in await entries(guarded, actor="shop", action="cancel_reservation")] == [
        "cancel_reservation"
    ]


@pytest.mark.usefixtures("sync")
async def test_places_in_line_by_services_are_listed_and_those_of_customers_are_not(guarded: Front) -> None:
    room = {"waiting_room": {"opens_at": "2026-06-01T18:00:00Z"}}
    event = (await guarded.call("POST", "/v1/events", _EVENT | room, headers=BOSS)).body
    path = f"/v1/events/{event['id']}/queue"
    for _ in range(2):
        joined = await guarded.call("POST", path, {"customer": {"id": "23"}}, headers=SHOP)
        assert joined.body["index"] == 0
    assert (await guarded.call("POST", path, headers=CUSTOMER)).body["index"] == 1
    assert (await guarded.call("DELETE", f"{path}/place?customer_id=23", headers=SHOP)).status == 204
    found = await entries(guarded, event_id=str(event["id"]))
    assert [(each["actor"], each["action"], each["resource"], each["after"]) for each in found[:-1]] == [
        ("shop", "leave_queue", f"event/{event['id']}/queue/23", {"change": "left", "index": 0}),
        ("shop", "join_queue", f"event/{event['id']}/queue/23", {"change": "joined", "index": 0}),
    ]


@pytest.mark.usefixtures("sync")
async def test_entries_and_exits_are_listed(guarded: Front) -> None:
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    body = {"items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 1}]}
    held = (await guarded.call("POST", "/v1/reservations", body, headers=CUSTOMER)).body
    pay = held["total"] | {"payment_token": "tok_visa"}
    assert (await guarded.call("POST", f"/v1/reservations/{held['id']}/pay", pay, headers=CUSTOMER)).status == 200
    (given,) = (await guarded.call("GET", f"/v1/reservations/{held['id']}/etickets", headers=CUSTOMER)).body["items"]
    scan = {"code": given["code"], "gate": "north"}
    for nonce, direction in (("1", "in"), ("2", "in"), ("3", "out")):
        scanned = scan | {"nonce": nonce, "direction": direction}
        answer = await guarded.call("POST", f"/v1/events/{event['id']}/check-ins", scanned, headers=BOSS)
        assert answer.status == 200, answer
    found = await entries(guarded, event_id=str(event["id"]))
    assert [(each["actor"], each["resource"], each["after"]["change"]) for each in found[:-1]] == [
        ("boss", f"eticket/{given['serial']}", "left"),
        ("boss", f"eticket/{given['serial']}", "entered"),
    ], "the second scan changed nothing"


async def test_pages_lead_through_all_entries(guarded: Front) -> None:
    for _ in range(3):
        await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)
    whole = await entries(guarded)
    first = await guarded.call("GET", "/v1/audit-log", headers=BOSS, params={"limit": "2"})
    cursor = first.body["next_cursor"]
    second = await guarded.call("GET", "/v1/audit-log", headers=BOSS, params={"limit": "2", "cursor": cursor})
    assert [*first.body["items"], *second.body["items"]] == whole
    assert second.body["next_cursor"] is None


async def test_a_changed_or_removed_entry_is_found(
    guarded: Front, settings: Settings, shared_database: SharedDatabase
) -> None:
    for _ in range(3):
        await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)
    owner = await asyncpg.connect(shared_database.url, timeout=10)
    async with Postgres(settings) as postgres, postgres.connection() as connection:
        assert await broken_chains(connection) == []
        await owner.execute("UPDATE audit_log SET actor = 'nobody' WHERE number = 2")
        assert await broken_chains(connection) == ["audit log: entry 2 of chain -1 was changed, or one before it"]
        await owner.execute("DELETE FROM audit_log WHERE number = 2")
        assert await broken_chains(connection) == ["audit log: chain -1 has no entry 2, but entry 3"]
    await owner.close()


@pytest.mark.usefixtures("sync")
async def test_refunds_name_their_caller(guarded: Front) -> None:
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    mine = {"items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 1}]}
    held = (await guarded.call("POST", "/v1/reservations", mine, headers=CUSTOMER)).body
    path = f"/v1/reservations/{held['id']}"
    payment = held["total"] | {"payment_token": "tok_visa"}
    assert (await guarded.call("POST", f"{path}/pay", payment, headers=CUSTOMER)).status == 200
    assert (await guarded.call("POST", f"{path}/refund", {"restock": True}, headers=BOSS)).status == 200

    async def listed() -> bool:
        found = await entries(guarded, action="refund_reservation")
        return [entry["actor"] for entry in found][:1] == ["boss"] and found[0]["after"]["status"] == "refunded"

    await wait_until(listed, what="the refund is listed")


@pytest.mark.parametrize("header", ["für heute".encode("latin-1"), "für heute".encode(), b"UTF-8''f%C3%BCr%20heute"])
async def test_a_reason_in_any_spelling_is_kept(guarded: Front, shared_database: SharedDatabase, header: bytes) -> None:
    """Browsers send Latin-1, which is no UTF-8; our client cannot, so these bytes are sent as they are."""
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    head = (
        f"PATCH /v1/events/{event['id']} HTTP/1.1\r\nHost: {guarded.client.host}\r\nConnection: close\r\n"
        f"Authorization: {BOSS['Authorization']}\r\nContent-Type: application/json\r\nContent-Length: 19\r\nX-Reason: "
    )
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(guarded.client.host, guarded.client.port)
        writer.write(head.encode() + header + b'\r\n\r\n{"status":"paused"}')
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200")
    owner = await asyncpg.connect(shared_database.url, timeout=10)
    try:
        reason = await owner.fetchval("SELECT reason FROM audit_log WHERE action = 'change_event'", timeout=10)
    finally:
        await owner.close(timeout=10)
    assert reason == "für heute"


async def test_the_worker_refunds_on_behalf_of_who_asked(guarded: Front, shop: Settings) -> None:
    """It begins after the request, which it knows from Postgres alone."""
    event = (await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    mine = {"items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 1}]}
    paths = []
    for _ in range(2):
        held = (await guarded.call("POST", "/v1/reservations", mine, headers=CUSTOMER)).body
        paths.append(f"/v1/reservations/{held['id']}")
        payment = held["total"] | {"payment_token": "tok_visa"}
        assert (await guarded.call("POST", f"{paths[-1]}/pay", payment, headers=CUSTOMER)).status == 200
    at = f"/v1/events/{event['id']}"
    assert (await guarded.call("PATCH", at, {"status": "cancelled"}, headers=BOSS)).status == 200
    asked = BOSS | {"X-Request-ID": "refund-all", "X-Reason": "storm"}
    assert (await guarded.call("POST", f"{at}/refund", headers=asked)).status == 202
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_sync(shop))

        async def listed() -> bool:
            found = await entries(guarded, action="refund_event")
            ended = {entry["resource"] for entry in found if entry["after"].get("status") == "refunded"}
            return len(ended) == 2 and {(entry["actor"], entry["request_id"]) for entry in found} == {
                ("boss", "refund-all")
            }

        await wait_until(listed, 20, what="the refunds are listed")
        worker.cancel()
