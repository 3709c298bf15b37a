"""A collection for Postman, which Bruno imports too: a folder for each part of the API, bodies from the examples."""

import hashlib
import re
import uuid
from typing import Any

import msgspec

from sdk.generate.operations import Api, Operation

Json = Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(api: Api) -> str:
    """The collection as JSON."""
    folders: dict[str, list[Json]] = {}
    for each in api.operations:
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
            {"key": each["name"], "value": str(each.get("example", ""))} for each in operation.located("path")
        ],
    }


def _id(name: str) -> str:
    """An id that stays the same from one version to the next."""
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))
