"""New holds on the short way: what is answered, byte by byte, is what the ordinary way answers."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from api.access.callers import Role
from api.direct import connection
from api.direct.holds import DirectHolds
from cli.tokens import mint_token
from engine.commands.holds import Hold
from engine.errors import OutcomeUnknown, Overloaded
from engine.partition import Partition
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.integration.api.direct.wire import Wire, connect
from tests.support.api.api_client import Front, ticket
from tests.support.api.sample_requests import TIMED_EVENT
from tests.support.effort import effort
from tests.support.waiting import wait_until

_SECRET = "s" * 32
_LIMITS = {
    "auth": "jwt",
    "jwt_secret": _SECRET,
    "customer_per_minute": 1,  # so that nothing is given back between one way's turn and the other's
    "customer_burst": effort(4, 15),
    "address_per_minute": 60_000,
    "address_burst": 5000,
    "trusted_proxies": "127.0.0.1/32",
    "live_holds": 3,
    "cors_origins": "https://shop.example",
}
_REQUESTS = effort(400, 1500)
_HALL = {
    "name": "Hall",
    "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 30}, {"name": "B", "seats": 30}]}],
}


def request_text(body: bytes, *headers: str, path: str = "/v1/reservations", version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: shop.example", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


_JSON = "Content-Type: application/json"


class Taken:
    """Counts what goes the short way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        take = DirectHolds._take_up

        def counting(direct: DirectHolds, *arguments: Any) -> bool:
            taken = take(direct, *arguments)
            self.count += taken
            return taken

        monkeypatch.setattr(DirectHolds, "_take_up", counting)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    return Taken(monkeypatch)


class Offer(NamedTuple):
    """An offer that exists twice: each path has its own, so that one does not take from the other."""

    general: list[int]
    seated: int
    seats: list[int]
    timed: int
    closed: int


async def _offer(front: Front) -> Offer:
    event = await front.event(30, 100_000, 0, max_per_customer=100_000)
    venue = (await front.call("POST", "/v1/venues", _HALL)).body
    section_id = venue["sections"][0]["id"]
    stalls = ticket("Stalls", 0) | {"section_ids": [section_id]}
    del stalls["capacity"]
    seated = await front.event(venue_id=venue["id"], tickets=[stalls], max_per_customer=1000)
    path = f"/v1/events/{seated['id']}/sections/{section_id}/seats"
    seats = [seat["seat_id"] for seat in (await front.get(path)).body["items"]]
    timed = TIMED_EVENT | {"tickets": [{"ticket_type": "Day", "price": {"amount": 5, "currency": "EUR"}}]}
    museum = (await front.call("POST", "/v1/events", timed)).body
    closed = await front.event(5, status="closed", name='Quoted "name" ☃')
    return Offer(
        [offered["id"] for offered in event["tickets"]],
        seated["tickets"][0]["id"],
        seats,
        museum["tickets"][0]["id"],
        closed["tickets"][0]["id"],
    )


class Requests:
    """Generated requests, of both offers alike."""

    def __init__(self, offers: tuple[Offer, Offer], seed: int) -> None:
        self._offers, self._chance = offers, random.Random(seed)  # noqa: S311  # no secret
        self._tokens = [
            mint_token(Settings(auth="jwt", jwt_secret=_SECRET), Role.CUSTOMER, f"c{number}", 3600)
            for number in range(20)
        ]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        chance = self._chance
        for number in range(_REQUESTS):
            who = chance.randrange(len(self._tokens))
            body = self._body(who)
            headers = [chance.choice([_JSON] * 8 + ["Content-Type: application/json; charset=utf-8", "X-A: b"])]
            headers.append(f"Authorization: Bearer {self._tokens[who]}" if chance.random() < 0.97 else "X-B: c")
            if chance.random() < 0.3:
                headers.append(f"Idempotency-Key: {chance.choice(['a', 'b', 'ä', 'k' * 255])}{number // 5}")
            if chance.random() < 0.2:
                headers.append(f"X-Request-ID: {chance.choice(['mine', 'no good', 'x' * 64])}")
            if chance.random() < 0.2:
                headers.append(f"Origin: https://{chance.choice(['shop', 'other'])}.example")
            if chance.random() < 0.2:
                headers.append(f"X-Forwarded-For: 10.0.0.{chance.randrange(3)}, 127.0.0.1")
            if chance.random() < 0.1:
                headers.append(chance.choice(["X-C: d", "accept: */*", "Accept:  */*", "Accept:*/*", "Cookie: a=b"]))
            if chance.random() < 0.05:
                headers.append(chance.choice(["Connection: close", "Accept-Encoding: gzip", "Expect: 200-maybe"]))
            path = chance.choice(["/v1/reservations"] * 9 + ["/v1/reservations/", "/v1/reservations?a=b"])
            version = "1.0" if chance.random() < 0.02 else "1.1"
            state = chance.getstate()
            texts = []
            for offer, name in zip(self._offers, ("Idempotency-Key: own-", "Idempotency-Key: its-"), strict=True):
                chance.setstate(state)  # a key is for one event, so each offer has its own
                own = [header.replace("Idempotency-Key: ", name) for header in headers]
                texts.append(request_text(self._encoded(body(offer)), *own, path=path, version=version))
            yield texts[0], texts[1]

    def _encoded(self, body: Any) -> bytes:
        text = json.dumps(body, ensure_ascii=self._chance.random() < 0.5).encode()
        return text if self._chance.random() < 0.97 else text[:-2]

    def _body(self, who: int) -> Any:
        chance = self._chance
        quantity = chance.choice([1, 1, 1, 2, 2, 3, 7, 100, 101, 0, None])
        place, kind = chance.randrange(3), chance.random()
        seats = sorted(chance.sample(range(60), k=chance.choice([1, 2])))
        customer = chance.choice(
            [
                {"id": f"c{who}"},
                {"first_name": 'Ñ\u2028"\\', "last_name": "O'Neil 🎟"},
                {"id": "another"},
                {"x": 1},
                None,
            ]
        )

        def body(offer: Offer) -> Any:
            if kind < 0.6:
                items: list[Any] = [{"ticket_id": offer.general[place], "quantity": quantity}]
            elif kind < 0.7:
                items = [{"ticket_id": each, "quantity": 1} for each in offer.general[: 1 + place]]
            elif kind < 0.8:
                items = [{"ticket_id": offer.seated, "seat_ids": [offer.seats[seat] for seat in seats]}]
            elif kind < 0.85:
                items = [{"ticket_id": offer.seated, "quantity": quantity, "best_available": True}]
            elif kind < 0.9:
                items = [{"ticket_id": offer.timed, "quantity": 1, "slot": "2031-09-12T13:30"}]
            elif kind < 0.95:
                items = [{"ticket_id": offer.closed, "quantity": 1}]
            else:
                items = [{"ticket_id": 999_999_999, "quantity": 1}, {"ticket_id": offer.general[1], "quantity": 1}]
            return {"items": items} if customer is None else {"items": items, "customer": customer}

        return body


_TICKETS = re.compile(r'"ticket_id":\d+|ticket \d+')
_EVENTS = re.compile(r'"event":\{"id":\d+|event \d+')
_SEATS = re.compile(r'"seat_ids":\[[\d,]+\]|[Ss]eats? [\d, ]+|"seat_id":\d+')


class Sameness:
    """Makes two answers alike in what must differ: ids and instants, and the ids of what is offered twice."""

    def __init__(self, offer: Offer, events: list[int]) -> None:
        tickets = [*offer.general, offer.seated, offer.timed, offer.closed]
        self._kinds = [(_TICKETS, _places(tickets)), (_EVENTS, _places(events)), (_SEATS, _places(offer.seats))]

    def __call__(self, answer: bytes) -> str:
        text = answer.decode()
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<instant>", text)
        text = re.sub(r"Date: .*", "Date: <instant>", text)
        text = re.sub(r"X-Request-ID: ([0-9a-f]+-\d+|[0-9a-f]{16})\b", "X-Request-ID: <id>", text)
        text = re.sub(r'(?<=["/])\d+-[A-Za-z0-9_-]{16}(?=["\r])', "<id>", text)
        text = re.sub(r';r=\d+;t=\d+|Retry-After: \d+|again in \d+ s|"expires_in_ms":\d+', "<time>", text)
        text = re.sub(r"Content-Length: \d+", "Content-Length: <n>", text)
        for kind, places in self._kinds:
            text = kind.sub(lambda found, places=places: _renamed(found[0], places), text)  # type: ignore[misc]
        return text


def _places(ids: list[int]) -> dict[str, str]:
    return {str(each): f"<{place}>" for place, each in enumerate(ids)}


def _renamed(text: str, places: dict[str, str]) -> str:
    return re.sub(r"\d+", lambda found: places.get(found[0], found[0]), text)


async def test_requests_of_all_kinds_get_the_same_bytes_on_both_ways(start_api: StartApi, taken: Taken) -> None:
    manager = await start_api()
    offers = (await _offer(manager), await _offer(manager))
    listed = [event["id"] for event in await manager.pages("/v1/events")]
    half = len(listed) // 2
    events = sorted(listed)
    same = [Sameness(offers[0], events[:half]), Sameness(offers[1], events[half:])]
    direct = await start_api(**_LIMITS)
    ordinary = await start_api(**_LIMITS, direct_requests=False)
    wires = [await connect(direct), await connect(ordinary)]
    statuses: dict[bytes, int] = {}
    for pair in Requests(offers, seed=12):
        answers = [(await wire.ask(text))[0] for wire, text in zip(wires, pair, strict=True)]
        assert same[0](answers[0]) == same[1](answers[1]), pair[0]
        lengths = [re.search(rb"Content-Length: (\d+)", answer) for answer in answers]
        for answer, length in zip(answers, lengths, strict=True):
            assert length is not None
            assert len(answer.split(b"\r\n\r\n", 1)[1]) == int(length[1])
        statuses[answers[0][9:12]] = statuses.get(answers[0][9:12], 0) + 1
        if b"Connection: close" in pair[0] or b"HTTP/1.0" in pair[0] or b"onnection: close" in answers[0]:
            for wire in wires:
                await wire.close()
            wires = [await connect(direct), await connect(ordinary)]
    for wire in wires:
        await wire.close()
    assert taken.count > _REQUESTS / 8, "the short way was taken"
    assert {b"201", b"401", b"404", b"409", b"422", b"429"} <= set(statuses), statuses
    assert statuses[b"201"] > _REQUESTS / 30, statuses


def _body(ticket_id: int, customer: str, quantity: int = 1) -> bytes:
    items = [{"ticket_id": ticket_id, "quantity": quantity}]
    return json.dumps({"items": items, "customer": {"id": customer}}).encode()


async def test_a_new_token_takes_the_short_way(start_api: StartApi, taken: Taken) -> None:
    offered = (await (await start_api()).event(5))["tickets"][0]["id"]
    direct = await start_api(auth="jwt", jwt_secret=_SECRET, address_per_minute=1, address_burst=2)
    tokens = [
        mint_token(Settings(auth="jwt", jwt_secret=secret), Role.CUSTOMER, "a", 60 + number)
        for number, secret in enumerate((_SECRET, _SECRET, "another " * 4, "another " * 4, _SECRET))
    ]
    wire, answers = await connect(direct), []
    for token in [*tokens, tokens[0]]:
        text = request_text(_body(offered, "a"), _JSON, f"Authorization: Bearer {token}", path="/v1/reservations")
        answers.append(((await wire.ask(text))[0][9:12], taken.count))
    await wire.close()
    # The address has brought too many invalid tokens: another new one is refused without a look.
    # A known one is looked at, and is the third hold of an address that may have two.
    assert answers == [(b"201", 1), (b"201", 2), (b"401", 2), (b"401", 2), (b"429", 2), (b"429", 3)]


@pytest.fixture
async def wire(front: Front) -> AsyncIterator[Wire]:
    wire = await connect(front)
    yield wire
    await wire.close()


async def test_a_hold_with_a_key_takes_the_short_way(front: Front, wire: Wire, taken: Taken) -> None:
    tickets = [(await front.event(5))["tickets"][0]["id"] for _ in range(2)]
    answers = []
    for ticket_id, key in ((tickets[0], "a"), (tickets[0], "a"), (tickets[1], "a"), (tickets[1], "b")):
        (answer,) = await wire.ask(request_text(_body(ticket_id, "22"), _JSON, f"Idempotency-Key: {key}"))
        answers.append((answer[9:12], b"Idempotency-Replayed: true" in answer, b"key_reused" in answer))
    new = (b"201", False, False)
    assert answers == [new, (b"201", True, False), (b"422", False, True), new]
    assert taken.count == 4


async def test_pipelined_requests_are_answered_in_their_order(front: Front, wire: Wire, taken: Taken) -> None:
    ticket_id = (await front.event(50))["tickets"][0]["id"]
    read = f"GET /v1/tickets/{ticket_id} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    holds = [request_text(_body(ticket_id, f"c{number}"), _JSON) for number in range(6)]

    together = await wire.ask(holds[0] + read + holds[1], 3)
    assert [answer[9:12] for answer in together] == [b"201", b"200", b"201"]
    assert b'"available":49' in together[1]
    assert taken.count == 0, "of several at once aiohttp's task takes care"

    (first,) = await wire.ask(holds[2])
    assert (first[9:12], taken.count) == (b"201", 1)
    wire._writer.write(holds[3])  # its answer is awaited below, with those that come while it is made
    await asyncio.sleep(0)
    answers = await wire.ask(read + holds[4] + holds[5], 4)
    assert [answer[9:12] for answer in answers] == [b"201", b"200", b"201", b"201"]
    names = [re.search(rb'"customer":\{"id":"(c\d)"', answer) for answer in answers]
    assert [name and name[1] for name in names] == [b"c3", None, b"c4", b"c5"]


async def test_usual_requests_are_not_parsed_by_aiohttp(
    front: Front, wire: Wire, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    parsed: list[bytes] = []
    feed = connection.DirectConnection._feed

    def noting(own: connection.DirectConnection, data: bytes) -> None:
        parsed.append(data)
        feed(own, data)

    monkeypatch.setattr(connection.DirectConnection, "_feed", noting)
    usual = [request_text(_body(ticket_id, f"c{number}"), _JSON) for number in range(3)]
    unusual = request_text(_body(ticket_id, "22"), _JSON, "X-Own: a")
    ordinary = request_text(_body(ticket_id, "23"), "Content-Type: application/json; charset=utf-8")
    for text in (usual[0], unusual, usual[1], ordinary, usual[2]):
        (answer,) = await wire.ask(text)
        assert answer[9:12] == b"201"
    assert [text for text in parsed if text] == [unusual, ordinary]
    assert taken.count == 4


async def test_a_request_in_pieces_is_answered(front: Front, wire: Wire) -> None:
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    text = request_text(_body(ticket_id, "22"), _JSON)
    for cut in (1, 30, len(text) - 60, len(text) - 1):
        wire._writer.write(text[:cut])
        await asyncio.sleep(0.01)
        (answer,) = await wire.ask(text[cut:])
        assert answer[9:12] == b"201", cut


async def test_no_body_is_left_to_the_ordinary_way(wire: Wire, taken: Taken) -> None:
    (answer,) = await wire.ask(request_text(b"", _JSON))
    assert (answer[9:12], b'"malformed_json"' in answer, taken.count) == (b"400", True, 0)


async def test_a_setting_turns_it_off(start_api: StartApi, taken: Taken) -> None:
    front = await start_api(direct_requests=False)
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    assert (await front.reserve((ticket_id, 1))).status == 201
    assert taken.count == 0


async def test_an_unproved_aiohttp_turns_it_off(
    start_api: StartApi, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROVED_VERSIONS", frozenset({"3.0.0"}))
    with capture_logs() as lines:
        front = await start_api()
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["direct_requests_off"]
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    assert (await front.reserve((ticket_id, 1))).status == 201
    assert taken.count == 0


class _Partition:
    """Partitions that have room, or not, and keep the holds that they are given."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room = True
        self.given: list[Any] = []
        append = Partition.append

        def keep(partition: Partition, command: Any, answer: Any) -> None:
            if isinstance(command, Hold) and not self.room:
                raise Overloaded("the queue is full")
            if isinstance(command, Hold):
                self.given.append(answer)
            else:
                append(partition, command, answer)

        patch.setattr(Partition, "has_room", lambda _partition: self.room)
        patch.setattr(Partition, "append", keep)


@pytest.fixture
def partition(monkeypatch: pytest.MonkeyPatch) -> _Partition:
    return _Partition(monkeypatch)


async def test_a_hold_waits_for_room(front: Front, wire: Wire, partition: _Partition) -> None:
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    partition.room = False
    asking = asyncio.ensure_future(wire.ask(request_text(_body(ticket_id, "22"), _JSON)))
    await asyncio.sleep(0.05)
    assert not partition.given
    partition.room = True
    await wait_until(lambda: bool(partition.given), timeout=1)
    partition.given[0].set_exception(Overloaded("the queue is full"))
    (answer,) = await asking
    assert (answer[9:12], b"Retry-After: 1" in answer) == (b"503", True)


async def test_without_room_a_hold_is_refused_and_the_connection_is_not_read(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await start_api(direct_wait_ms=200)
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patch:
        partition = _Partition(patch)
        partition.room = False
        wire, text = await connect(front), request_text(_body(ticket_id, "22"), _JSON)
        began = loop.time()
        (first,) = await wire.ask(text)
        assert (first[9:12], b"Retry-After: 1" in first) == (b"503", True)
        assert loop.time() - began >= 0.2
        (second,) = await wire.ask(text)
        assert second[9:12] == b"503"
        assert loop.time() - began >= 1.4, "waited, not read for the second of Retry-After, waited again"
        health = asyncio.ensure_future(wire.ask(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"))
        partition.room = True
        assert (await health)[0][9:12] == b"200", "bounded in time"
    (served,) = await wire.ask(text)
    assert served[9:12] == b"201"
    await wire.close()


async def test_disconnected_clients_are_skipped(front: Front, partition: _Partition) -> None:
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    wire = await connect(front)
    wire._writer.write(request_text(_body(ticket_id, "22"), _JSON))
    await wait_until(lambda: bool(partition.given), timeout=5)
    answer = partition.given[0]
    assert not answer.done()
    await wire.close()
    await wait_until(answer.done, timeout=5)
    answer.set_result(object())
    answer.set_exception(OutcomeUnknown("too late"))


async def test_a_shutdown_waits_for_holds_under_way(start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> None:
    front = await start_api()
    ticket_id = (await front.event(5))["tickets"][0]["id"]
    with monkeypatch.context() as patch:
        partition = _Partition(patch)
        wire = await connect(front)
        asking = asyncio.ensure_future(wire.ask(request_text(_body(ticket_id, "22"), _JSON)))
        await wait_until(lambda: bool(partition.given), timeout=5)
        closing = asyncio.ensure_future(front.client.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        partition.given[0].set_exception(Overloaded("the server is stopping; nothing was done; try again"))
        (answer,) = await asking
        assert answer[9:12] == b"503"
        async with asyncio.timeout(10):
            await closing
        await wire.close()
