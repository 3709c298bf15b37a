"""The examples of an OpenAPI document, sent as a person does who clicks "Try it out" on page after page."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Json = Any


class Call(NamedTuple):
    """An operation to try.

    `given`: parameters without an example, or with another value, from earlier answers: `{"serial": "tickets.serial"}`.
    `body`: where the example needs something else first. `kept`: the name of its answer.
    """

    operation: str
    status: int = 200
    given: Mapping[str, str] = MappingProxyType({})
    body: Json = None
    kept: str = ""


CALLS = (
    *(Call(name) for name in ("list_events", "read_event", "read_availability", "list_tickets", "read_ticket")),
    *(Call(name) for name in ("list_venues", "read_venue", "list_sections", "list_sections_of_event", "read_seats")),
    *(Call(name) for name in ("stream_availability", "stream_seats", "stream_queue")),
    # Managing
    Call("create_event", 201, kept="event"),
    Call("change_event"),
    Call("add_ticket", 201, kept="ticket"),
    Call("change_ticket"),
    Call("delete_ticket", 204, {"ticket_id": "ticket.id"}),
    Call("delete_event", 204, {"event_id": "event.id"}),
    Call("create_venue", 201),
    Call("change_venue"),
    Call("block_seats"),
    # A reservation, and what comes after it
    Call("create_reservation", 201, kept="bought"),
    Call("list_all_reservations"),
    Call("read_reservation", given={"reservation_id": "bought.id"}),
    Call("pay_reservation", given={"reservation_id": "bought.id"}, kept="paid"),
    Call("read_payment", given={"payment_id": "paid.payment.id"}),
    Call("list_etickets", given={"reservation_id": "bought.id"}, kept="etickets"),
    Call("read_etickets_pdf", given={"reservation_id": "bought.id"}),
    Call("read_eticket_qr", given={"serial": "etickets.items.0.serial"}),
    Call("transfer_eticket", given={"serial": "etickets.items.0.serial"}),
    Call("exchange_reservation", given={"reservation_id": "bought.id"}),
    Call("refund_reservation", given={"reservation_id": "bought.id"}),
    Call("restock_reservation", given={"reservation_id": "bought.id"}),
    Call("create_reservation", 201, kept="changed"),
    Call("change_reservation", given={"reservation_id": "changed.id"}),
    Call("cancel_reservation", 204, {"reservation_id": "changed.id"}),
    Call("count_live_holds", given={"event_id": "=1"}),
    Call("release_holds"),
    Call("list_payments"),
    # Carts
    Call("add_to_cart"),
    Call("read_cart"),
    Call("claim_cart"),
    Call("remove_from_cart"),
    Call("add_to_cart", body={"event_id": 1, "price_id": 1, "quantity": 2}),
    Call("remove_ticket_from_cart"),
    Call("add_to_cart"),
    Call("book_cart", kept="booked"),
    Call("settle_payment", 409, {"payment_id": "booked.payment_id"}),  # nothing is disputed
    Call("complete_payment", given={"payment_id": "booked.payment_id"}),
    Call("fail_payment", 409, {"payment_id": "booked.payment_id"}),  # it is completed
    Call("discard_cart", 409),  # it is paid
    # Timed entry
    Call("list_slots"),
    Call("create_booking", 201, kept="booking"),
    Call("list_all_bookings"),
    Call("read_booking", given={"booking_id": "booking.id"}),
    Call("change_booking", given={"booking_id": "booking.id"}),
    Call("delete_booking", 204, {"booking_id": "booking.id"}),
    # The waiting room and the waiting list
    Call("read_queue"),
    Call("join_queue", 201),
    Call("read_place", given={"customer_id": "=22"}),
    Call("change_queue"),
    Call("change_queue", body={"paused": False}),
    Call("enter_queue"),
    Call("leave_queue", 204, {"customer_id": "=22"}),
    Call("read_queue_audit"),
    Call("join_waiting_list", 201, kept="waiting"),
    Call("list_waiting_list"),
    Call("read_waiting_entry", given={"waiting_id": "waiting.id"}),
    Call("leave_waiting_list", 204, {"waiting_id": "waiting.id"}),
    # Codes
    Call("create_codes", 201),
    *(Call(name) for name in ("list_event_codes", "export_codes", "read_event_code", "change_code")),
    Call("read_code_offer", given={"customer_id": "=22"}),
    Call("withdraw_code", 204),
    # Doors
    Call("rotate_eticket_keys", 201),
    *(Call(name) for name in ("read_eticket_keys", "check_in", "upload_check_ins")),
    *(Call(name) for name in ("list_check_ins_of_event", "read_doors_snapshot")),
    # Figures and personal data
    *(Call(name) for name in ("list_statistics_of_events", "list_statistics_of_ticket_types")),
    *(Call(name) for name in ("read_statistics_of_event", "list_audit_log", "read_customer_data")),
    Call("erase_customer_data", 202),
    *(Call(name) for name in ("read_console_session", "read_console_now", "list_unwritten_facts")),
    # Webhooks
    Call("create_webhook", 201, kept="webhook"),
    *(Call(name, given={"webhook_id": "webhook.id"}) for name in ("read_webhook", "change_webhook", "rotate_secret")),
    Call("list_webhooks"),
    Call("test_webhook", 202, {"webhook_id": "webhook.id"}, kept="delivery"),
    Call("list_deliveries", given={"webhook_id": "webhook.id"}),
    Call("redeliver", 202, {"webhook_id": "webhook.id", "delivery_id": "delivery.id"}),
    Call("redeliver_dead", 202, {"webhook_id": "webhook.id"}),
    Call("delete_webhook", 204, {"webhook_id": "webhook.id"}),
    # A cancelled event
    Call("create_event", 201, kept="off"),
    Call("change_event", given={"event_id": "off.id"}, body={"status": "cancelled"}),
    Call("refund_event", 202, {"event_id": "off.id"}),
    Call("read_event_refunds", given={"event_id": "off.id"}),
)
"""Every operation under /v1, in an order in which each finds what it needs."""

_TIMEOUT_SECONDS = 10


def try_examples(api_url: str) -> Iterator[tuple[Call, int, Json]]:
    """Sends all calls with the examples of the document that the API serves. Gives each status and answer."""
    document = _fetch("GET", f"{api_url}/openapi.json")[1]
    operations = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    }
    assert {call.operation for call in CALLS} == set(operations)
    answers: dict[str, Json] = {}
    for call in CALLS:
        method, path, operation = operations[call.operation]
        url = api_url + _filled(path, operation, call, answers)
        body = call.body if call.body is not None else _example_of_body(operation, document)
        status, answer = _fetch(method, url, body, stream=call.operation.startswith("stream_"))
        if call.kept:
            answers[call.kept] = answer
        yield call, status, answer


def _filled(path: str, operation: Json, call: Call, answers: dict[str, Json]) -> str:
    query = {}
    for parameter in operation["parameters"]:
        name, place = parameter["name"], parameter["in"]
        source = call.given.get(name)
        value = parameter.get("example") if source is None else _from(source, answers)
        if place == "path":
            assert value is not None, f"{call.operation}: {name} has no example"
            path = path.replace(f"{{{name}}}", urllib.parse.quote(str(value)))
        elif place == "query" and value is not None:
            query[name] = value
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def _from(source: str, answers: dict[str, Json]) -> Json:
    """A part of an earlier answer, or after `=` a text."""
    if source.startswith("="):
        return source[1:]
    name, *steps = source.split(".")
    value = answers[name]
    for step in steps:
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def _example_of_body(operation: Json, document: Json) -> Json:
    """The example that the page puts into the form."""
    if "requestBody" not in operation:
        return None
    content = operation["requestBody"]["content"]["application/json"]
    if "example" in content:
        return content["example"]
    schema = content["schema"].get("anyOf", [content["schema"]])[0]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return named.get("examples", [{}])[0]


def _fetch(method: str, url: str, body: Json = None, *, stream: bool = False) -> tuple[int, Json]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            text = response.readline() if stream else response.read()
            return response.status, _decoded(response.headers.get_content_type(), text)
    except urllib.error.HTTPError as error:
        return error.code, _decoded(error.headers.get_content_type(), error.read())


def _decoded(media: str, text: bytes) -> Json:
    return json.loads(text) if text and media.endswith("json") else text
