"""Bad input: every endpoint answers the right problem, never a 500, and nothing changes."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator

from api.http.pagination import PageQuery, list_mark
from api.routes import ROUTES
from engine.settings import Settings
from tests.support.api.api_client import Front, ticket
from tests.support.api.bad_bodies import broken, missing_members, not_objects, unknown_members, wrong_values
from tests.support.api.sample_requests import BOOKING, CART, PAYMENT, World, nothing_changes

_JSON = {"Content-Type": "application/json"}
_BAD_IDS = (
    *("abc", "0", "-1", "1.0", "01", "+1", "1e1", "1%20", "%31%00", "%00", "null", "None", "1-1", "١", "%F0%9F%8E%9F"),
    *(str(2**31), str(2**63), str(10**20), "9" * 6000, "a" * 6000, "..%2F1", "1;x", "1,2", "%25", "%FF", "*"),
)


async def test_no_endpoint_is_left_out(front: Front, world: World) -> None:
    routes = front.client.server.app.router.routes()  # type: ignore[attr-defined]  # a TestServer has its app
    registered = {
        (each.method, each.resource.canonical.rstrip("/")) for each in routes if each.method not in ("HEAD", "*")
    }
    assert len(set(world.routes())) == len(registered)


async def test_bodies_that_are_wrong_in_one_place(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop) as wrong:
        for method, path, body, optional in world.takers_of_bodies():
            for raw, where in (
                *wrong_values(body),
                *missing_members(
                    body, optional | ({"amount", "currency"} if path.startswith("/v1/tickets") else set())
                ),
                *unknown_members(body),
                *not_objects(),
            ):
                answer = await front.call(method, path, raw=raw, headers=_JSON)
                said = answer.body["fields"][0]["path"] if answer.status == 422 and "fields" in answer.body else None
                if answer.status != 422 or answer.code != "invalid" or where not in (None, said):
                    wrong.append((method, path, raw[:200], where, answer.status, answer.body))


async def test_bodies_that_are_no_json(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop) as wrong:
        for method, path, body, _ in world.takers_of_bodies():
            for raw in broken(body):
                answer = await front.call(method, path, raw=raw, headers=_JSON)
                if (answer.status, answer.body["code"]) != (400, "malformed_json"):
                    wrong.append((method, path, raw[:200], answer.status, answer.body))


async def test_bodies_that_are_not_sent_as_json_or_too_large(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop) as wrong:
        for method, path, body, _ in world.takers_of_bodies():
            raw = json.dumps(body).encode()
            for kind in (
                "text/plain",
                "application/x-www-form-urlencoded",
                "application/jsonx",
                "json",
                "*/*",
                "",
                "\\",
            ):
                code = await front.refused(method, path, raw=raw, headers={"Content-Type": kind})
                if code != "unsupported_media_type":
                    wrong.append((method, path, kind, code))
            for large in (
                b" " * 2_000_000,
                raw[:-1] + b" " * 2_000_000 + b"}",
                b'{"name": "' + b"x" * 2_000_000 + b'"}',
            ):
                code = await front.refused(method, path, raw=large, headers=_JSON)
                if code != "too_large":
                    wrong.append((method, path, "2 MB", code))


async def test_bodies_where_none_is_needed(front: Front, world: World, shop: Settings) -> None:
    """Of a `DELETE`, and of a `POST` or `PUT` whose body may be left out. Callbacks ignore theirs (API.md)."""
    needed = {(method, path) for method, path, _, _ in world.takers_of_bodies()}
    async with nothing_changes(shop) as wrong:
        for method, path in set(world.routes()) - needed:
            if method == "GET" or path.endswith(("/complete", "/failed")):
                continue
            for raw, kind, expected in (
                (b'{"Reason": "none"}', "application/json", (422, "invalid")),
                (b'{"Reason"', "application/json", (400, "malformed_json")),
                (b"reason=none", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
                (b" " * 2_000_000, "application/json", (413, "too_large")),
            ):
                answer = await front.call(method, path, raw=raw, headers={"Content-Type": kind})
                named = [field["path"] for field in answer.body.get("fields", ())] if answer.body else None
                if (answer.status, answer.code, named) != (*expected, ["Reason"] if expected[0] == 422 else []):
                    wrong.append((method, path, raw[:200], answer.status, answer.body))


async def test_a_body_that_is_no_json(front: Front) -> None:
    """The answer has no words of Python or of a library."""
    for raw, detail in (
        (b"", "The body is empty; send JSON."),
        (b'{"items"', "The body is not JSON: it ends too early."),
        (b'{"items": "\xff"}', "The body is not JSON: a text in it is not in UTF-8."),
        (b"{items}", "The body is not JSON: object keys must be strings (byte 1)."),
    ):
        answer = await front.call("POST", "/v1/reservations", raw=raw, headers=_JSON)
        assert (answer.status, answer.code, answer.body["detail"]) == (400, "malformed_json", detail)


async def test_an_empty_body_where_none_is_needed(front: Front, world: World) -> None:
    """An empty object, or chunks that hold nothing, as some clients and proxies send them."""
    for raw, headers in ((b"{}", _JSON), (b"", {}), (b"", _JSON)):
        answer = await front.call("DELETE", f"/v1/reservations/{world.held['id']}", raw=raw, headers=headers)
        assert answer.status == 204, (raw, headers, answer.body)
        async with front.client.request("DELETE", CART, data=_no_chunks(), headers=headers) as chunked:
            assert chunked.status == 204, await chunked.text()


async def _no_chunks() -> AsyncIterator[bytes]:
    chunks: list[bytes] = []
    for chunk in chunks:
        yield chunk


async def test_ids_that_cannot_be(front: Front, world: World, shop: Settings) -> None:
    new, bookings = {"name": "a"}, f"/v1/events/{world.booking['event_id']}/bookings"
    takers = [
        *(("GET", f"/v1/events/{{}}{rest}", None) for rest in ("", "/availability", "/statistics")),
        ("PATCH", "/v1/events/{}", new),
        ("POST", "/v1/events/{}/tickets", ticket("VIP", 1)),
        ("GET", "/v1/tickets/{}", None),
        ("PATCH", "/v1/tickets/{}", {"capacity": 60}),
        ("PATCH", "/v1/events/{}/seats", {"seat_ids": [world.seat_id], "blocked": True}),
        ("GET", "/v1/venues/{}", None),
        ("GET", "/v1/venues/{}/sections", None),
        ("GET", f"/v1/events/{world.seated_event_id}/sections/{{}}/seats", None),
        *(("GET", f"/v1/events/{{}}/{rest}", None) for rest in ("bookings", "slots")),
        ("POST", "/v1/events/{}/bookings", BOOKING),
        *((method, f"{bookings}/{{}}", None) for method in ("GET", "DELETE")),
        ("PATCH", f"{bookings}/{{}}", {"first_name": "Anna"}),
        ("GET", "/v1/orders/carts/{}", None),
        ("POST", "/v1/orders/carts/{}", {"event_id": world.event_id, "price_id": world.ticket_id, "quantity": 1}),
        ("DELETE", f"{CART}/events/{{}}/seats/{world.seat_id}", None),
        ("DELETE", f"{CART}/events/{world.seated_event_id}/seats/{{}}", None),
        ("PUT", "/v1/orders/carts/{}/book", None),
        ("GET", "/v1/payments/{}", None),
        ("POST", "/v1/payments/{}/complete", None),
        ("POST", "/v1/payments/{}/failed", None),
        ("GET", "/v1/webhooks/{}", None),
        ("PATCH", "/v1/webhooks/{}", {"enabled": True}),
        ("DELETE", "/v1/webhooks/{}", None),
        ("POST", "/v1/webhooks/{}/rotate", None),
        ("POST", "/v1/webhooks/{}/test", None),
        ("GET", "/v1/webhooks/{}/deliveries", None),
        ("POST", f"/v1/webhooks/{{}}/deliveries/{world.delivery_id}/redeliver", None),
        ("POST", f"/v1/webhooks/{world.webhook_id}/deliveries/{{}}/redeliver", None),
        ("GET", "/v1/reservations/{}", None),
        ("DELETE", "/v1/reservations/{}", None),
        ("POST", "/v1/reservations/{}/pay", PAYMENT),
        ("POST", "/v1/reservations/{}/refund", {"restock": True}),
    ]
    async with nothing_changes(shop) as wrong:
        for method, path, body in takers:
            for bad in _BAD_IDS:
                for spelling in (path, f"{path}/"):
                    sent = None if body is None else json.dumps(body).encode()
                    answer = await front.call(method, spelling.format(bad), raw=sent, headers=_JSON)
                    if (answer.status, answer.body["code"]) != (404, "not_found"):
                        wrong.append((method, path, bad[:50], answer.status, answer.body))


async def test_a_byte_that_no_path_has(front: Front, world: World, shop: Settings) -> None:
    """In each part of each path, ids of all kinds among them."""
    bodies = {(method, path): json.dumps(body).encode() for method, path, body, _ in world.takers_of_bodies()}
    async with nothing_changes(shop) as wrong:
        for method, path in world.routes():
            if not path.startswith("/v1/"):
                continue  # a page is the same for each id
            parts = path.split("/")
            for place in range(1, len(parts)):
                spelled = "/".join([*parts[:place], f"{parts[place]}%00", *parts[place + 1 :]])
                answer = await front.call(method, spelled, raw=bodies.get((method, path)), headers=_JSON)
                if answer.status not in (400, 404):
                    wrong.append((method, spelled, answer.status, answer.body))


async def test_queries_where_none_is_taken(front: Front, world: World, shop: Settings) -> None:
    bodies = {(method, path): json.dumps(body).encode() for method, path, body, _ in world.takers_of_bodies()}
    async with nothing_changes(shop) as wrong:
        for method, path in world.routes():
            for query, name in (
                ("x=1", "x"),
                ("Limit=1", "Limit"),
                ("a=1&a=2", "a"),
                ("%00=1", "\x00"),
                ("x", "x"),
                ("=1", ""),
            ):
                for slash in ("", "/"):
                    answer = await front.call(
                        method, f"{path}{slash}?{query}", raw=bodies.get((method, path)), headers=_JSON
                    )
                    if (answer.status, answer.body["code"], answer.body["fields"][0]["path"]) != (422, "invalid", name):
                        wrong.append((method, path, query, answer.status, answer.body))


_BAD_NUMBERS = ("abc", "", " ", "1.5", "-1", "1_000", "0x10", "null", "true", "NaN", "١", "%00", "1%00", str(10**20))
_BAD_INTEGER_IDS = (*_BAD_NUMBERS, "0", str(2**31))
_BAD_INSTANTS = ("", "now", "2027", "2027-13-01", "2027-02-30", "2027-06-01T18:00:00", "1", "null", "2027-W01-1", "%00")
_BAD_QUERIES: dict[str, dict[str, tuple[str, ...]]] = {
    "/v1/events": {
        "from": _BAD_INSTANTS,
        "to": _BAD_INSTANTS,
        "venue_id": _BAD_INTEGER_IDS,
        "status": ("", "held", "ON_SALE", "null"),
    },
    "/v1/tickets": {
        "event_id": _BAD_INTEGER_IDS,
        "ticket_type": ("", "%00", "a%0A", "x" * 300),
        "price_from": _BAD_NUMBERS,
        "price_to": _BAD_NUMBERS,
        "available": ("", "yes", "1", "True", "null"),
    },
    "/v1/reservations": {
        "event_id": _BAD_INTEGER_IDS,
        "ticket_id": _BAD_INTEGER_IDS,
        "customer_id": ("", "%00", "a%20b", "a%0A", "x" * 300, "%C3%A9"),
        "status": ("", "on_sale", "HELD", "null"),
    },
    "/v1/events/{timed}/bookings": {
        "date": ("", "tomorrow", "2027-02-29", "2027-9-12", "%00", "0000-01-01", "9999-01-01"),
        "time": ("", "8", "24", "13:60", "1330", "13:30%0A", "%00"),
        "status": ("", "held", "BOOKED", "null"),
    },
    "/v1/events/{timed}/slots": {"date": ("", "tomorrow", "2027-02-29", "2027-9-12", "%00", "0000-01-01")},
    "/v1/events/{event}/check-ins": {"result": ("", "ADMITTED", "null"), "conflict": ("", "yes", "2", "null")},
    "/v1/events/{event}/waiting-list": {"status": ("", "WAITING", "null")},
    "/v1/events/{event}/codes": {"kind": ("", "ACCESS", "null")},
    "/v1/audit-log": {"from": _BAD_INSTANTS, "to": _BAD_INSTANTS, "event_id": _BAD_INTEGER_IDS},
    "/v1/payments": {"event_id": _BAD_INTEGER_IDS},
    "/v1/dead-letters": {},
    "/v1/venues": {},
    "/v1/webhooks": {},
    "/v1/webhooks/{webhook}/deliveries": {"status": ("", "DEAD", "gone", "null")},
    "/v1/statistics/events": {},
    "/v1/statistics/ticket-types": {},
}


_PLACES = (
    *(b"1", b"[1,2]", b"[1,2,3]", b'"FAN27"', b'"2027-09-12T13:30"', b'["VIP","EUR"]'),
    *(b'[1,"1-AAAAAAAAAAAAAAAA"]', b'[1,"1-AAAAAAAAAAAAAAAA","p-1"]'),
    b'["2027-09-12T13:30","01890a5d-ac96-774b-bcce-b302099a8057"]',
)
"""Places in lists, of every shape that a list has."""


def _cursor(path: str, place: bytes) -> str:
    return list_mark(path) + urlsafe_b64encode(place).decode()


def _bad_cursors(path: str) -> Iterator[str]:
    yield from ("", "abc", "!", "null", "%00", "%C3%A9", "=", "x" * 5000, "bnVsbA==")
    for place in (
        *(
            b"",
            b"{}",
            b"[]",
            b"[1]",
            b"[1,2,3,4]",
            b"true",
            b"NaN",
            b"1e400",
            b"-1",
            b"1.5",
            b"1" * 30,
            b"[" * 3000,
        ),
        *(
            b'""',
            b'"\\u0000"',
            b'"a\\n"',
            b'"\xff"',
            b'"\\ud800"',
            b"[1,null]",
            b'["a",1]',
            b'[-1,"1-AAAAAAAAAAAAAAAA"]',
            *(b"9223372036854775808", b"[0,2147483648,1]", b"[1e15,0,1]", b"[999999999999999,0,1]", b"[0,0,-1]"),
        ),
        *(b'[999999999999999999999,"1-AAAAAAAAAAAAAAAA"]', b'[1,"\\u0000"]', b'[1,"abc"]', b"[1.5,1]", b"9" * 3000),
    ):
        yield urlsafe_b64encode(place).decode()
        yield _cursor(path, place)


def test_all_lists_with_pages_are_sent_wrong_queries() -> None:
    lists = {
        re.sub("{.*?}", "{}", route.path) for route in ROUTES if route.query and issubclass(route.query, PageQuery)
    }
    assert lists == {re.sub("{.*?}", "{}", path) for path in _BAD_QUERIES}


async def test_no_list_takes_the_cursor_of_another(front: Front, world: World) -> None:
    paths = {
        pattern.format(timed=world.booking["event_id"], webhook=world.webhook_id, event=world.event_id)
        for pattern in _BAD_QUERIES
    }
    for path in sorted(paths):
        own = [place for place in _PLACES if (await front.get(path, cursor=_cursor(path, place))).status == 200]
        assert own, path
        for other in [*sorted(paths - {path}), "/v1/events/999/codes"]:
            answer = await front.get(path, cursor=_cursor(other, own[0]))
            assert (answer.status, answer.body["fields"][0]["path"]) == (422, "cursor"), (path, other)
            assert "not a cursor of this list" in answer.body["detail"] + answer.body["fields"][0]["message"]


async def test_queries_that_are_wrong(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop) as wrong:
        for pattern, parameters in _BAD_QUERIES.items():
            path = pattern.format(timed=world.booking["event_id"], webhook=world.webhook_id, event=world.event_id)
            limits = (*_BAD_NUMBERS, "0", "101", str(2**63))
            cases = [(name, value) for name, values in parameters.items() for value in values]
            cases += [("limit", value) for value in limits]
            cases += [("cursor", value) for value in _bad_cursors(path)]
            cases += [("unknown", "1"), ("Limit", "1"), ("limit%20", "1"), ("event-id", "1"), ("from_", "2027-06-01")]
            for name, value in [*cases, *((name, "1&" + name + "=1") for name in (*parameters, "limit", "cursor"))]:
                answer = await front.call("GET", f"{path}?{name}={value}")
                expected = (422, "invalid", name.replace("%20", " "))
                if answer.status == 200 or (answer.status, answer.code, answer.body["fields"][0]["path"]) != expected:
                    wrong.append((path, name, value[:60], answer.status, answer.body))
