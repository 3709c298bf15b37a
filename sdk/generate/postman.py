"""A collection for Postman, which Bruno imports too: a folder for each part of the API, bodies from the examples.

Requests that run one after the other find what those before them made: a script keeps ids in variables.
"""

import hashlib
import re
import uuid
from typing import Any

import msgspec

from sdk.generate.operations import Api, Operation

Json = Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

_MADE = frozenset({"events", "tickets", "webhooks"})
_KEEP_IDS = """\
const answers = pm.response.code < 300 && (pm.response.headers.get("Content-Type") ?? "").includes("json");
const body = answers ? pm.response.json() : {};
const last = pm.request.url.path.filter(Boolean).at(-1);
const one = Array.isArray(body.items) && body.items.length && !body.id ? body.items[0] : body;
const ids = {
  reservations: "reservation_id", bookings: "booking_id", "waiting-list": "waiting_id", deliveries: "delivery_id",
};
if (ids[last] && one.id) pm.collectionVariables.set(ids[last], one.id);
if (last === "etickets" && one.serial) pm.collectionVariables.set("serial", one.serial);
const payment = body.payment_id ?? body.payment?.id;
if (payment) pm.collectionVariables.set("payment_id", payment);
if (pm.response.code === 201 && body.id) pm.collectionVariables.set(`new ${last}`, body.id);
"""
"""Runs after each answer. Requests that delete take `new events` and its kind, and so spare what came with the data."""


def collection(api: Api) -> str:
    """The collection as JSON."""
    folders: dict[str, list[Json]] = {}
    for each in sorted(api.operations, key=lambda operation: operation.method == "DELETE"):
        folders.setdefault(each.tag, []).append(_request(each))
    info = api.document["info"]
    made = {
        "info": {
            "_postman_id": _id("Onsale"),
            "name": info["title"],
            "description": info["description"],
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [
            {"key": "baseUrl", "value": "http://127.0.0.1:8080", "type": "string"},
            {"key": "token", "value": "", "type": "string"},
        ],
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": _KEEP_IDS.splitlines()}}],
        "item": [{"name": tag, "item": requests} for tag, requests in folders.items()],
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"


def _request(operation: Operation) -> Json:
    headers = []
    if operation.keyed:
        headers.append({"key": "Idempotency-Key", "value": "{{$guid}}", "type": "text"})
    request: Json = {
        "method": operation.method,
        "header": headers,
        "description": operation.summary + ".",
        "url": _url(operation),
    }
    if operation.public:
        request["auth"] = {"type": "noauth"}
    if operation.body_example is not None:
        headers.append({"key": "Content-Type", "value": "application/json", "type": "text"})
        text = msgspec.json.format(msgspec.json.encode(operation.body_example), indent=2).decode()
        request["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return {"id": _id(operation.name), "name": operation.name, "request": request, "response": []}


def _url(operation: Operation) -> Json:
    path = re.sub(r"{(\w+)}", r":\1", operation.path)
    query = [
        {"key": each["name"], "value": "", "description": each.get("description", ""), "disabled": True}
        for each in operation.located("query")
    ]
    return {
        "raw": "{{baseUrl}}" + path,
        "host": ["{{baseUrl}}"],
        "path": path.strip("/").split("/"),
        "query": query,
        "variable": [
            {"key": each["name"], "value": _value(operation, each["name"], each.get("example"))}
            for each in operation.located("path")
        ],
    }


def _value(operation: Operation, name: str, example: Any) -> str:
    """The example of a parameter of the path; without one, what an answer before told."""
    kind = operation.path.split("/")[2]
    if operation.method == "DELETE" and operation.path == f"/v1/{kind}/{{{name}}}" and kind in _MADE:
        return f"{{{{new {kind}}}}}"
    return f"{{{{{name}}}}}" if example is None else str(example)


def _id(name: str) -> str:
    """An id that stays the same from one version to the next."""
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))
