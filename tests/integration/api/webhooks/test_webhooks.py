"""Webhooks as a manager sees them."""

import base64

import asyncpg
import pytest

from engine.settings import Settings
from sync.webhooks.endpoints import MAX_WEBHOOKS
from tests.support.api.api_client import Front, Json
from tests.support.api.sample_requests import BOOKING, TIMED_EVENT
from tests.support.api.schemas import check_instant
from tests.support.sync.webhook_receiver import Receiver
from tests.support.waiting import wait_until

EVENTS = [
    "reservation.held",
    "reservation.paid",
    "reservation.cancelled",
    "reservation.expired",
    "reservation.refund_due",
    "reservation.refunded",
    "reservation.restocked",
    "reservation.exchanged",
    "reservation.disputed",
    "booking.booked",
    "booking.changed",
    "booking.cancelled",
    "event.cancelled",
    "eticket.checked_in",
    "waiting_list.offered",
]
JSON = {"Content-Type": "application/json"}
URL = "http://127.0.0.1:9/hooks"


def check_webhook(webhook: Json) -> None:
    assert set(webhook) == {"id", "url", "events", "description", "enabled", "gone_at", "created_at"}
    check_instant(webhook["created_at"])
    assert webhook["gone_at"] is None


def check_delivery(delivery: Json) -> None:
    members = {"id", "message_id", "type", "subject", "status", "attempts", "created_at", "next_attempt_at"}
    assert set(delivery) == members | {"ended_at", "response_status", "error"}
    check_instant(delivery["created_at"])
    assert (delivery["next_attempt_at"] is None) == (delivery["status"] != "pending")
    assert (delivery["ended_at"] is None) == (delivery["status"] == "pending")


async def test_an_endpoint_from_its_beginning_to_its_end(front: Front) -> None:
    made = await front.call("POST", "/v1/webhooks", {"url": URL})
    assert made.status == 201
    secret = made.body.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) >= 24
    check_webhook(made.body)
    assert (made.body["events"], made.body["enabled"], made.body["description"]) == (EVENTS, True, "")
    path = made.headers["Location"]
    assert path == f"/v1/webhooks/{made.body['id']}"
    assert (await front.get(path)).body == made.body, "the secret is shown once"

    changes = {"events": ["reservation.paid", "reservation.paid"], "description": "Box office", "enabled": False}
    changed = await front.call("PATCH", f"{path}/", changes)
    assert changed.body == made.body | changes | {"events": ["reservation.paid"]}
    assert (await front.call("PATCH", path, {})).body == changed.body
    other = (await front.call("POST", "/v1/webhooks", {"url": URL, "events": ["reservation.held"]})).body
    assert [webhook["id"] for webhook in await front.pages("/v1/webhooks", limit="1")] == [made.body["id"], other["id"]]

    rotated = await front.call("POST", f"{path}/rotate")
    assert rotated.status == 200
    assert rotated.body.pop("secret") != secret
    assert rotated.body == changed.body
    assert [(await front.call("DELETE", path)).status for _ in range(2)] == [204, 404]
    for method, rest in (("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/test"), ("GET", "/deliveries")):
        assert await front.refused(method, path + rest, raw=b"{}", headers=JSON) == "not_found"


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/", "http://8.8.8.8/", "http://[::1]/", "https://a:b@shop.example/", "ftp://shop.example/", "x"],
)
async def test_an_address_that_must_not_be_called_is_refused(front: Front, url: str) -> None:
    known = (await front.call("POST", "/v1/webhooks", {"url": URL})).body
    for method, path in (("POST", "/v1/webhooks"), ("PATCH", f"/v1/webhooks/{known['id']}")):
        answer = await front.call(method, path, {"url": url})
        assert (answer.status, answer.body["fields"][0]["path"]) == (422, "url")
    assert len(await front.pages("/v1/webhooks")) == 1


async def test_there_is_a_most(front: Front) -> None:
    for _ in range(MAX_WEBHOOKS):
        assert (await front.call("POST", "/v1/webhooks", {"url": URL})).status == 201
    assert await front.refused("POST", "/v1/webhooks", {"url": URL}) == "invalid"


@pytest.mark.usefixtures("sync")
async def test_a_sale_is_delivered_and_its_deliveries_are_listed(front: Front) -> None:
    receiver = Receiver()
    async with receiver.server:
        webhook = (await front.call("POST", "/v1/webhooks", {"url": receiver.url})).body
        receiver.secret = webhook["secret"]
        event = await front.event(5)
        reservation = await front.paid((event["tickets"][0]["id"], 2))
        deliveries = f"/v1/webhooks/{webhook['id']}/deliveries"

        async def delivered() -> list[Json]:
            items = (await front.get(deliveries, status="delivered")).body["items"]
            return items if len(items) == 2 else []

        await wait_until(delivered)
        assert receiver.told_of(reservation["id"]) == EVENTS[:2]
        items = await front.pages(deliveries, limit="1")
        for item in items:
            check_delivery(item)
            assert (item["subject"], item["attempts"], item["response_status"]) == (reservation["id"], 1, 204)
        assert [item["type"] for item in items] == EVENTS[1::-1], "newest first"
        assert [item["message_id"] for item in items] == [message.message_id for message in receiver.got[::-1]]
        assert (await front.get(deliveries, status="dead")).body["items"] == []

        test = await front.call("POST", f"/v1/webhooks/{webhook['id']}/test")
        assert test.status == 202
        check_delivery(test.body)
        again = await front.call("POST", f"{deliveries}/{items[0]['id']}/redeliver")
        assert (again.status, again.body["status"]) == (202, "pending")
        await wait_until(lambda: len(receiver.got) == 4)
        assert {message.kind for message in receiver.got[2:]} == {"webhook.test", "reservation.paid"}


@pytest.mark.usefixtures("sync")
async def test_a_booking_is_sent_too(front: Front) -> None:
    receiver = Receiver()
    async with receiver.server:
        webhook = (await front.call("POST", "/v1/webhooks", {"url": receiver.url, "events": EVENTS[6:]})).body
        receiver.secret = webhook["secret"]
        bookings = f"/v1/events/{(await front.call('POST', '/v1/events', TIMED_EVENT)).body['id']}/bookings"
        booking = (await front.call("POST", bookings, BOOKING)).body
        path = f"{bookings}/{booking['id']}"
        moved = (await front.call("PATCH", path, {"time": "08:00"})).body
        assert (await front.call("DELETE", path)).status == 204
        await wait_until(
            lambda: receiver.told_of(booking["id"]) == ["booking.booked", "booking.changed", "booking.cancelled"]
        )
    told = [message.body["data"] for message in receiver.got]
    assert [each["status"] for each in told] == ["booked", "booked", "cancelled"]
    assert [each["starts_at"] for each in told] == [booking["starts_at"], *[moved["starts_at"]] * 2]
    assert BOOKING["phone_number"] not in str(told)


async def test_dead_deliveries_are_sent_again_once(front: Front, settings: Settings) -> None:
    webhook = (await front.call("POST", "/v1/webhooks", {"url": URL})).body
    other = (await front.call("POST", "/v1/webhooks", {"url": URL})).body
    path = f"/v1/webhooks/{webhook['id']}"
    for each in (webhook, webhook, other):
        assert (await front.call("POST", f"/v1/webhooks/{each['id']}/test")).status == 202
    await _give_up(settings)
    key = {"Idempotency-Key": "dialog-1"}
    for _ in range(2):
        sent = await front.call("POST", f"{path}/redeliver", headers=key)
        assert (sent.status, sent.body) == (202, {"redelivered": 2, "dead": 0})
    statuses = [each["status"] for each in await front.pages(f"{path}/deliveries")]
    assert statuses == ["pending", "pending"]
    (left,) = await front.pages(f"/v1/webhooks/{other['id']}/deliveries")
    assert (left["status"], left["error"]) == ("dead", "connection refused")
    assert await front.refused("POST", f"/v1/webhooks/{other['id'] + 1000}/redeliver") == "not_found"
    (logged,) = (await front.get("/v1/audit-log", action="redeliver_dead")).body["items"]
    assert (logged["resource"], logged["after"]) == (f"webhook/{webhook['id']}/deliveries", {"redelivered": 2})


async def test_a_repeat_does_not_send_a_delivery_once_more(front: Front, settings: Settings) -> None:
    webhook = (await front.call("POST", "/v1/webhooks", {"url": URL})).body
    sent = (await front.call("POST", f"/v1/webhooks/{webhook['id']}/test")).body
    path, key = f"/v1/webhooks/{webhook['id']}/deliveries", {"Idempotency-Key": "dialog-1"}
    for repeats in range(2):
        await _give_up(settings)
        answer = await front.call("POST", f"{path}/{sent['id']}/redeliver", headers=key)
        assert (answer.status, answer.body["status"]) == (202, "pending")
        (delivery,) = await front.pages(path)
        assert delivery["status"] == ("dead" if repeats else "pending")


async def _give_up(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.postgres_url, timeout=30)
    try:
        await connection.execute(
            "UPDATE webhook_deliveries SET status = 'dead', ended_at = now(), error = 'connection refused'"
        )
    finally:
        await connection.close(timeout=30)
