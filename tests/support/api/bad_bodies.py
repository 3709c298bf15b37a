"""Bodies that are wrong in one place each, made from bodies that are right."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

Json = Any
Place = tuple[str | int, ...]

_HUGE = "a number that json.dumps cannot write"
_TEXTS = [1, 1.5, True, [], {}, "", "a\x00b", "a\x1fb", "\x7f", "line\n", "line\nbreak", "x" * 300, "x" * 50_000]
_IDS: list[Json] = [1, None, True, [], {}, "", "a b", "\x00", "line\n", "é", "x" * 300]
_COUNTS = ["1", 1.5, True, None, [], {}, -1, -(10**30), 10**30, 2**63, 2**31, _HUGE]
_INSTANTS = [
    0,
    True,
    [],
    {},
    "",
    "tomorrow",
    "2027-06-01",
    "2027-06-01T18:00:00",
    "2027-06-31T18:00:00Z",
    "2027-06-01T25:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
]
_NAMES = [1, True, [], {}, "", "On_sale", "nothing"]
_ZONES = [
    1,
    [],
    "",
    "localtime",
    "posixrules",
    "Factory",
    "posix/UTC",
    "right/UTC",
    "Mars/Olympus",
    "../../etc/passwd",
    "/etc/passwd",
    "Europe",
    "\x00",
    "x" * 200,
]

_WRONG: dict[str, list[Json]] = {
    "name": [*_TEXTS, None],
    "ticket_type": [*_TEXTS, None],
    "first_name": _TEXTS,
    "last_name": _TEXTS,
    "id": _IDS,
    "payment_token": _IDS,
    "currency": [1, None, [], "", "x" * 300],
    "amount": [value for value in _COUNTS if value != 2**31],  # a payment may be that large
    "capacity": _COUNTS,
    "quantity": [*_COUNTS, 0, 101],
    "ticket_id": [*_COUNTS, 0],
    "event_id": [*_COUNTS, 0],
    "price_id": [*_COUNTS, 0],
    "hold_seconds": [*_COUNTS, 0],
    "max_per_customer": [*_COUNTS, 0],
    "venue_id": [1.5, "1", True, [], 0, -1, 2**31],
    "starts_at": [*_INSTANTS, None],
    "sale_opens_at": _INSTANTS,
    "sale_closes_at": _INSTANTS,
    "timezone": [*_ZONES, None],
    "status": [*_NAMES, None],
    "restock": [1, 0, "true", None, [], {}],
    "override_limit": [1, 0, "true", None, [], {}],
    "price": [1, "1", None, [], True],
    "customer": [1, "22", None, [], True],
    "items": [1, "1", None, {}, True, [], [1], [None], [[]]],
    "sections": [1, "1", None, {}, True, [], [1], [None], [[]]],
    "rows": [1, "1", None, {}, True, [], [1], [None], [[]]],
    "seats": [*_COUNTS, 0, 1001],
    "seat_ids": [1, "1", None, {}, True, []],
    "url": [
        1,
        None,
        [],
        {},
        "",
        "shop",
        "/hooks",
        "ftp://a/",
        "https:///",
        "https://10.0.0.1/",
        "http://8.8.8.8/",
        "https://é/",
    ],
    "events": [1, "1", None, {}, True, [], [1], [None], ["paid"], ["reservation.paid", "webhook.test"]],
    "description": [1, None, [], {}, "x" * 201, "a\n", "\x00"],
    "enabled": [1, 0, "true", None, [], {}],
    "blocked": [1, 0, "true", None, [], {}],
    "phone_number": [1, None, True, [], {}, "", "933455678", "93345567890", "933455678x", "9334556789\n", "x" * 300],
    "date": [
        1,
        None,
        True,
        [],
        {},
        "",
        "tomorrow",
        "2027-02-29",
        "2027-9-12",
        "2027-09-12T00:00",
        "9999-01-01",
        "\x00",
    ],
    "time": [1, None, True, [], {}, "", "8", "24:00", "13:60", "1330", "13:30Z", "13:30\n", "\x00"],
    "times": [1, "08:00", None, {}, True, [], [1], [None], ["8"], ["08:00", "08"], ["08:00"] * 101],
    "schedule": [1, "1", None, [], True],
    "seat_id": [0, -1, 2**31, 1.5, "1", None, True, [], {}],
    "label": [1, None, True, [], {}, "", " ", "x" * 21, "\x00"],
    "accessible": [1, "true", [], {}],
    "x": ["1", True, [], {}, 1_000_001, -1_000_001],
    "waiting_room": [1, "1", [], True],
    "codes": [1, "FAN27", None, {}, True, [], [1], [None], [""], ["a b"], ["\x00"], ["é"], ["x" * 65]],
    "kind": [*_NAMES, None],
    "percent": [*(value for value in _COUNTS if value is not None), 0, 101],
    "max_uses": [*(value for value in _COUNTS if value is not None), 0],
    "tag": _TEXTS,
    "max_places_per_use": [*(value for value in _COUNTS if value is not None), 0, 2001],
    "valid_from": _INSTANTS,
    "valid_until": _INSTANTS,
    "customer_id": [value for value in _IDS if value is not None],
    "budget": [1, "1", [], True],
    "waiting_list": [1, "1", [], True],
    "offer_seconds": [*_COUNTS, 0, 604_801],
    "ends_at": [value for value in _INSTANTS if value is not None],
    "fill_gaps": [1, "true", None, [], {}],
    "contact": [1, "1", None, [], True],
    "email": [
        1,
        None,
        True,
        [],
        {},
        "",
        "nobody",
        "a@b",
        "a b@example.com",
        "@example.com",
        "a@example.com\x00",
        "x" * 255,
    ],
    "opens_at": [*_INSTANTS, None],
    "pass_seconds": [*_COUNTS, 0],
    "places_per_pass": [*_COUNTS, 0],
    "max_inside": [value for value in [*_COUNTS, 0] if value is not None],
    "per_minute": [value for value in [*_COUNTS, 0] if value is not None],
    "message": [1, True, [], {}, "", "x" * 201, "\x00"],
    "image_url": [1, True, [], {}, "", "a.png", "ftp://a.example/a.png", "https://a.example/ä.png", "\x00"],
    "doors_open_at": [value for value in _INSTANTS if value is not None],
    "holder": [1, "x", None, [], True],
    "code": [1, None, True, [], {}, "x" * 501],
    "gate": [1, True, [], {}, "", "x" * 65, "\x00"],
    "direction": [1, None, True, [], {}, "", "up"],
    "scanned_at": [value for value in _INSTANTS if value is not None],
    "nonce": [1, True, [], {}, "", "x" * 65, "ä", " ", "\x00"],
    "offline": [1, 0, "true", None, [], {}],
    "paused": [1, "true", None, [], {}],
    "hidden": [1, "true", None, [], {}],
    "min_quantity": [0, -1, 101, 1.5, "1", None, True, [], {}],
    "outcome": [1, None, True, [], {}, "", "paid", "\x00"],
    "note": [1, None, True, [], {}, "", "\x00"],
    "tickets": [1, "1", None, {}, True, [1], [None], [[]]],
}
"""Wrong values of each member of a body. 2^31 does not fit where Postgres has an `integer`."""


_ALL_DIFFERENT = frozenset({"seat_ids", "section_ids", "ticket_ids", "codes", "times", "weekdays"})
"""Lists that have nothing twice."""


class BadBody(NamedTuple):
    """A body, and where it is wrong; `path` None: that is for the API to say."""

    raw: bytes
    path: str | None


def wrong_values(body: Json) -> Iterator[BadBody]:
    """Each member of the body with each value that it must not have."""
    for place in _places(body):
        name = place[-1]
        if isinstance(name, str):
            for value in _WRONG[name]:
                if name == "quantity" and value == 0 and "price_id" in body:
                    continue  # that takes places out of a cart
                if name == "seats" and value == [] and "sections" not in body:
                    continue  # a venue of which no seat changes
                if name == "description" and "starts_at" in body and value in (None, "x" * 201, "a\n"):
                    continue  # an event's is longer, and may be missing
                inner = isinstance(value, list) and value
                yield BadBody(_written(_with(body, place, value)), None if inner else path_of(place))
            listed = _at(body, place)
            if name in _ALL_DIFFERENT and isinstance(listed, list):
                yield BadBody(_written(_with(body, place, [*listed, listed[0]])), None)


def missing_members(body: Json, optional: set[str]) -> Iterator[BadBody]:
    """The body without each of its members that is needed."""
    for place in _places(body):
        if isinstance(place[-1], str) and place[-1] not in optional:
            changed = deepcopy(body)
            del _at(changed, place[:-1])[place[-1]]
            yield BadBody(_written(changed), path_of(place))


def unknown_members(body: Json) -> Iterator[BadBody]:
    """The body with a member too many, in each object."""
    for place in [(), *_places(body)]:
        if isinstance(_at(body, place), dict):
            for name in ("Name", "", "ёлка", "a\x00b"):
                yield BadBody(_written(_with(body, (*place, name), 1)), path_of((*place, name)))


def not_objects() -> Iterator[BadBody]:
    """JSON, but no object."""
    values: list[Json] = [[], [{}], "text", 1, 1.5, None, True, 10**30]
    for value in values:
        yield BadBody(json.dumps(value).encode(), "")
    yield BadBody(b"[" * 30_000 + b"]" * 30_000, "")
    yield BadBody(b"1e400", None)


def broken(body: Json) -> Iterator[bytes]:
    """Texts that are no JSON."""
    raw = json.dumps(body).encode()
    yield from (b"", b" ", b"{", b"}", b"[1,2", b'"abc', b"not json", b"{'a': 1}", b"nul", b"\x00", b"\xff\xfe")
    yield from (
        raw[:-1],
        raw[:-2],
        raw + b"}",
        raw + b"x",
        raw + raw,
        b"\xef\xbb\xbf" + raw,
        raw.replace(b":", b"=", 1),
    )
    yield from (raw.decode().encode("utf-16"), raw.replace(b"{", b"{,", 1), raw[:-1] + b",}", b"/* */" + raw)
    for value in (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b"'a'",
        b'"\xff"',
        b'"\\ud800"',
    ):
        yield b'{"unknown": ' + value + b"}"
        first = b"{" + json.dumps(next(iter(body))).encode() + b": "
        yield first + value + b"}"
    yield b'{"\xff": 1}'


def path_of(place: Place) -> str:
    """`items[0].quantity`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return path.removeprefix(".")


def _places(body: Json, above: Place = ()) -> Iterator[Place]:
    steps = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, value in steps:
        yield (*above, step)
        yield from _places(value, (*above, step))


def _at(body: Json, place: Place) -> Json:
    for step in place:
        body = body[step]
    return body


def _with(body: Json, place: Place, value: Json) -> Json:
    changed = deepcopy(body)
    _at(changed, place[:-1])[place[-1]] = value
    return changed


def _written(body: Json) -> bytes:
    return json.dumps(body).replace(json.dumps(_HUGE), "1e400").encode()
