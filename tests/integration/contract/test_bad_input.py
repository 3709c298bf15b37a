"""Bad input: every endpoint answers the right problem, never a 500, and nothing changes."""

import asyncio
import gzip
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from engine.settings import Settings
from tests.integration.contract import shapes
from tests.integration.contract.bad_bodies import broken, missing_members, not_objects, unknown_members, wrong_values
from tests.integration.contract.front import Front, Json, order, ticket
from tests.integration.contract.snapshot import take_snapshot

_JSON = {"Content-Type": "application/json"}
_WINDOW = {"sale_opens_at": "2026-06-01T18:00:00Z", "sale_closes_at": "2027-06-01T18:00:00Z"}
_EVENT = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "timezone": "Europe/Warsaw",
    "venue_id": None,
    "status": "on_sale",
    "hold_seconds": 900,
    "max_per_customer": 10,
    "tickets": [ticket("VIP", 300), ticket("Regular", 100)],
    **_WINDOW,
}
_OPTIONAL = {"timezone", "venue_id", "status", "hold_seconds", "max_per_customer", "tickets", "first_name", "last_name"}
_PAYMENT = {"amount": 2500, "currency": "EUR", "payment_token": "tok_visa"}
_BAD_IDS = (
    *("abc", "0", "-1", "1.0", "01", "+1", "1e1", "1%20", "%31%00", "%00", "null", "None", "1-1", "١", "%F0%9F%8E%9F"),
    *(str(2**31), str(2**63), str(10**20), "9" * 6000, "a" * 6000, "..%2F1", "1;x", "1,2", "%25", "%FF", "*"),
)


class World(NamedTuple):
    """What there is, so that each request is wrong in one way only."""

    event_id: int
    ticket_id: int
    held: Json
    paid: Json

    def takers_of_bodies(self) -> Iterator[tuple[str, str, Json, set[str]]]:
        """Every endpoint that reads a body: method, path, a right body, and what may be missing in it."""
        window = set(_WINDOW)
        yield "POST", "/v1/events", _EVENT, _OPTIONAL | window
        patch = {name: value for name, value in _EVENT.items() if name != "tickets"}
        yield "PATCH", f"/v1/events/{self.event_id}", patch, set(patch)
        yield "POST", f"/v1/events/{self.event_id}/tickets", ticket("VIP", 5), set()
        yield (
            "PATCH",
            f"/v1/tickets/{self.ticket_id}",
            {"price": ticket("", 1)["price"], "capacity": 9},
            {"price", "capacity"},
        )
        yield "POST", "/v1/reservations", order((self.ticket_id, 1), (self.ticket_id, 1)), _OPTIONAL
        yield "POST", f"/v1/reservations/{self.held['id']}/pay", _PAYMENT, set()
        yield "POST", f"/v1/reservations/{self.paid['id']}/refund", {"restock": True}, set()

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every endpoint."""
        for method, path, _body, _optional in self.takers_of_bodies():
            yield method, path
        event = f"/v1/events/{self.event_id}"
        for path in ("/v1/events", event, f"{event}/availability", f"{event}/statistics", "/v1/tickets"):
            yield "GET", path
        reservation = f"/v1/reservations/{self.held['id']}"
        for path in (f"/v1/tickets/{self.ticket_id}", "/v1/reservations", reservation):
            yield "GET", path
        yield "DELETE", reservation
        for path in ("/v1/statistics/events", "/v1/statistics/ticket-types", "/healthz", "/readyz", "/metrics"):
            yield "GET", path


@pytest.fixture
async def world(front: Front) -> World:
    event = await front.event(50)
    ticket_id = event["tickets"][0]["id"]
    return World(event["id"], ticket_id, await front.held((ticket_id, 1)), await front.paid((ticket_id, 1)))


@asynccontextmanager
async def _nothing_changes(settings: Settings) -> AsyncIterator[list[Any]]:
    """Gives a list for what was answered wrongly; nothing of that, and no change of what is stored, may be there."""
    before, wrong = await take_snapshot(settings), list[Any]()
    yield wrong
    assert wrong == []
    after = await take_snapshot(settings)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []


async def test_bodies_that_are_wrong_in_one_place(front: Front, world: World, shop: Settings) -> None:
    async with _nothing_changes(shop) as wrong:
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
    async with _nothing_changes(shop) as wrong:
        for method, path, body, _ in world.takers_of_bodies():
            for raw in broken(body):
                answer = await front.call(method, path, raw=raw, headers=_JSON)
                if (answer.status, answer.body["code"]) != (400, "malformed_json"):
                    wrong.append((method, path, raw[:200], answer.status, answer.body))


async def test_bodies_that_are_not_sent_as_json_or_too_large(front: Front, world: World, shop: Settings) -> None:
    async with _nothing_changes(shop) as wrong:
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


async def test_a_body_without_a_content_type(front: Front, world: World, shop: Settings) -> None:
    async with _nothing_changes(shop):
        for method, path, body, _ in world.takers_of_bodies():
            raw = json.dumps(body).encode()
            head, problem = await _exchange(front, method.encode(), path.encode(), raw, b"")
            assert (_status(head), problem["code"]) == (415, "unsupported_media_type")
            head, problem = await _exchange(front, method.encode(), path.encode(), None, b"")
            assert (_status(head), problem["code"]) == (415, "unsupported_media_type")


async def test_ids_that_cannot_be(front: Front, world: World, shop: Settings) -> None:
    new = {"name": "a"}
    takers = [
        *(("GET", f"/v1/events/{{}}{rest}", None) for rest in ("", "/availability", "/statistics")),
        ("PATCH", "/v1/events/{}", new),
        ("POST", "/v1/events/{}/tickets", ticket("VIP", 1)),
        ("GET", "/v1/tickets/{}", None),
        ("PATCH", "/v1/tickets/{}", {"capacity": 60}),
        ("GET", "/v1/reservations/{}", None),
        ("DELETE", "/v1/reservations/{}", None),
        ("POST", "/v1/reservations/{}/pay", _PAYMENT),
        ("POST", "/v1/reservations/{}/refund", {"restock": True}),
    ]
    async with _nothing_changes(shop) as wrong:
        for method, path, body in takers:
            for bad in _BAD_IDS:
                for spelling in (path, f"{path}/"):
                    sent = None if body is None else json.dumps(body).encode()
                    answer = await front.call(method, spelling.format(bad), raw=sent, headers=_JSON)
                    if (answer.status, answer.body["code"]) != (404, "not_found"):
                        wrong.append((method, path, bad[:50], answer.status, answer.body))


async def test_queries_where_none_is_taken(front: Front, world: World, shop: Settings) -> None:
    bodies = {(method, path): json.dumps(body).encode() for method, path, body, _ in world.takers_of_bodies()}
    async with _nothing_changes(shop) as wrong:
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
_BAD_QUERIES = {
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
    "/v1/statistics/events": {},
    "/v1/statistics/ticket-types": {},
}


def _bad_cursors() -> Iterator[str]:
    yield from ("", "abc", "!", "null", "%00", "%C3%A9", "=", "x" * 5000, "bnVsbA==")
    for place in (
        *(
            b"",
            b"{}",
            b"[]",
            b"[1]",
            b"[1,2,3]",
            b"true",
            b"NaN",
            b"1e400",
            b"-1",
            b"0",
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
        ),
        *(b'[999999999999999999999,"1-AAAAAAAAAAAAAAAA"]', b'[1,"\\u0000"]', b'[1,"abc"]', b"[1.5,1]", b"9" * 3000),
    ):
        yield urlsafe_b64encode(place).decode()


async def test_queries_that_are_wrong(front: Front, world: World, shop: Settings) -> None:
    async with _nothing_changes(shop) as wrong:
        for path, parameters in _BAD_QUERIES.items():
            limits = (*_BAD_NUMBERS, "0", "101", str(2**63))
            cases = [(name, value) for name, values in parameters.items() for value in values]
            cases += [("limit", value) for value in limits]
            cases += [("cursor", value) for value in _bad_cursors()]
            cases += [("unknown", "1"), ("Limit", "1"), ("limit%20", "1"), ("event-id", "1"), ("from_", "2027-06-01")]
            for name, value in [*cases, *((name, "1&" + name + "=1") for name in (*parameters, "limit", "cursor"))]:
                answer = await front.call("GET", f"{path}?{name}={value}")
                expected = (422, "invalid", name.replace("%20", " "))
                if answer.status == 200 or (answer.status, answer.code, answer.body["fields"][0]["path"]) != expected:
                    wrong.append((path, name, value[:60], answer.status, answer.body))


async def test_bytes_that_no_client_sends(front: Front, world: World, shop: Settings) -> None:
    json_type = b"Content-Type: application/json\r\n"
    body = json.dumps(order((world.ticket_id, 1))).encode()
    async with _nothing_changes(shop):
        for path in (b"/v1/events/\xff", b"/v1/\xff\xfe", b"/v1/reservations/\xed\xa0\x80", b"/v1/events/%ED%A0%80"):
            head, problem = await _exchange(front, b"GET", path, None, b"")
            assert _status(head) in (404, 400)
            assert problem is None or problem["code"] == "not_found"
        for query in (b"\xff=1", b"%ED%A0%80=1", b"x=\xff"):
            for path in (b"/v1/events?", b"/healthz?"):
                head, problem = await _exchange(front, b"GET", path + query, None, b"")
                assert _status(head) in (422, 400)
                assert problem is None or problem["code"] == "invalid"
        for encoding, sent in (
            (b"gzip", body),
            (b"gzip", gzip.compress(body)[:20]),
            (b"deflate", b"\x00\x01"),
            (b"br", body),
            (b"nonsense", b"{"),
        ):
            encoded = json_type + b"Content-Encoding: " + encoding + b"\r\n"
            head, problem = await _exchange(front, b"POST", b"/v1/reservations", sent, encoded)
            assert _status(head) in (400, 415), (encoding, head)
        bomb = gzip.compress(b" " * 50_000_000)
        head, problem = await _exchange(
            front, b"POST", b"/v1/reservations", bomb, json_type + b"Content-Encoding: gzip\r\n"
        )
        assert (_status(head), problem["code"]) == (413, "too_large")
        for key in (b"\xff", b"a\x80"):
            head, problem = await _exchange(
                front, b"POST", b"/v1/reservations", body, json_type + b"Idempotency-Key: " + key + b"\r\n"
            )
            assert _status(head) in (422, 400)


async def test_a_client_that_hangs_up_in_its_body(front: Front, world: World, shop: Settings) -> None:
    async with _nothing_changes(shop):
        for sent in (b'{"items"', b""):
            reader, writer = await _connected(front)
            writer.write(b"POST /v1/reservations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: 100\r\n\r\n" + sent)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert reader is not None
    assert (await front.get("/healthz")).status == 200
    async with asyncio.timeout(5):
        counted = await (await front.client.get("/metrics")).text()
    assert 'status="500"' not in counted


async def _connected(front: Front) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(5):
        return await asyncio.open_connection("127.0.0.1", front.client.port)


async def _exchange(front: Front, method: bytes, path: bytes, body: bytes | None, headers: bytes) -> tuple[bytes, Json]:
    """One request as bytes. The head of the answer, and its problem document if it is one."""
    reader, writer = await _connected(front)
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    writer.write(method + b" " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + length + b"\r\n")
    writer.write(body or b"")
    async with asyncio.timeout(10):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b"application/problem+json" not in head:
        return head, None
    problem = json.loads(content)
    shapes.check_problem(_status(head), "application/problem+json", problem)
    return head, problem


def _status(head: bytes) -> int:
    return int(head.split()[1])
