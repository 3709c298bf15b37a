"""The prose of the OpenAPI document that belongs to no route: about, headers, tags and header parameters."""

from typing import Any

ABOUT = """Reservations for ticket drops: never oversold, and every acknowledged change is durable.

Times are RFC 3339 in UTC, money is in minor units with its currency. Unknown parameters and unknown members of bodies
are errors. Lists have pages: send `next_cursor` as `cursor`. Every path works with a trailing slash too.

Errors are problem documents (RFC 9457); `code` is one of a closed list. A `POST` that takes something
accepts `Idempotency-Key`: the same key with the same body has its effect once. After a 429 or 503 wait `Retry-After`
seconds, then send the same again.
"""
"""The description of the whole API."""


def _items(*parameters: str) -> str:
    """The pattern of a structured list of strings with these parameters."""
    item = '"(customer|address|expiries)"' + "".join(f";{name}=[0-9]+" for name in parameters)
    return f"^{item}(, {item})*$"


HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "The request's id: the one sent, or a new one. Give it when you report an error.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Location": {
        "description": "The path of the new resource, or of the page to go to.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "The effect is that of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "ETag": {
        "description": "Changes with the answer; send it as If-None-Match.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "The time for which caches may keep the answer.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Onsale-Missing-Events": {
        "description": "The ids of events that are not shown, because the part of the cluster that has them is away.",
        "schema": {"type": "string", "pattern": "^[0-9]+(, [0-9]+)*$"},
    },
    "WWW-Authenticate": {
        "description": "The error of the token (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "The rest of each limit (httpapi-ratelimit-headers): `r` more at once, and in `t` seconds all "
        "of the quota again, or one if none is left. Sent if limits are on and the request counts.",
        "schema": {"type": "string", "pattern": _items("r", "t")},
    },
    "RateLimit-Policy": {
        "description": "The limits, if they are on: a quota of `q` at once, which refills in `w` seconds.",
        "schema": {"type": "string", "pattern": _items("q", "w")},
    },
    "Retry-After": {
        "description": "The seconds to wait before sending the same request again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
"""The headers of answers."""

TAGS = {
    "On sale": "Public routes: events, tickets and seats, without a token.",
    "Live updates": "Streams of changes, as server-sent events.",
    "Managing": "Events, tickets and venues, for their managers.",
    "Reservations": "Places taken for a while, paid, cancelled, refunded.",
    "Carts and payments": "Places of several events, paid as one.",
    "Timed-entry bookings": "Slots of timed events, booked by name and phone.",
    "Waiting room": "An order for those who want the same places: drawn by lot, and verifiable.",
    "Doors": "E-tickets of places that were paid for, and letting their holders in.",
    "Codes": "Words that open a sale, make places cheaper, or lead to places set aside.",
    "Waiting list": "A line for those who want places that may come back.",
    "Statistics": "Sales figures.",
    "Audit log": "Changes by managers and services.",
    "Personal data": "What is known of a customer: shown and erased.",
    "Webhooks": "Notifications of the shop's own systems.",
    "Operations": "State and documents of the service.",
}
"""The description of each part of the API."""

PARAMETERS: dict[str, Any] = {
    "X-Request-ID": {"description": "An id for the logs and the answer; an invalid one is replaced."},
    "Idempotency-Key": {"description": "A key that the client makes for one request: repeats have one effect."},
    "X-Reason": {
        "description": "Why, for the audit log: at most 500 characters, without names. Letters beyond ASCII: "
        "`UTF-8''` and the text percent-encoded (RFC 8187)."
    },
    "If-None-Match": {"description": "The client's ETags: 304 if one matches the answer."},
    "If-Match": {"description": "ETags of the answer that the change was made from: 412 if none is current; `*`: any."},
    "webhook-id": {"description": "The message's id (Standard Webhooks). Needed if a secret is configured."},
    "webhook-timestamp": {"description": "The time of the signature, in seconds since 1970."},
    "webhook-signature": {"description": "The signatures: `v1,` and base64."},
}
"""The headers of requests."""
