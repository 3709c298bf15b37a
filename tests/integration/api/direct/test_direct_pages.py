"""Public pages on the direct path: what is answered, byte by byte, is what the ordinary way answers."""

import asyncio
import gc
import json
import random
import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from api.catalogue.stock import Stock
from api.direct.connection import DirectConnection
from api.direct.pages import DirectPages
from engine.errors import Unready
from tests.integration.api.conftest import StartApi
from tests.integration.api.direct.wire import Wire, connect
from tests.support.api.api_client import Front, ticket
from tests.support.effort import effort
from tests.support.waiting import wait_until

LONG_AGO, LATER = "2026-06-01T18:00:00Z", "2099-06-01T18:00:00Z"
_REQUESTS = effort(600, 4000)
_SETTINGS = {
    "availability_age_ms": 60_000,  # so that both look at the stock once
    "cors_origins": "https://shop.example",
    "compress_bytes": 300,
    "trusted_proxies": "127.0.0.1/32",
    "reads_per_minute": 600_000,
    "reads_burst": 10_000,
}


class Answered:
    """Counts the answers of the direct path."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        written = DirectPages._written

        def counting(pages: DirectPages, *arguments: Any) -> list[bytes]:
            self.count += 1
            return written(pages, *arguments)

        monkeypatch.setattr(DirectPages, "_written", counting)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Answered:
    return Answered(monkeypatch)


def request_text(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: shop.example", *headers, "", ""]).encode()


async def paths_of(front: Front) -> list[str]:
    """The paths of some pages of a catalogue with seats, and paths that are wrong."""
    event = await front.event(30, 2)
    hall = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 400}]}]}
    venue = (await front.call("POST", "/v1/venues", hall)).body
    section_id = venue["sections"][0]["id"]
    stalls = ticket("Stalls", 0) | {"section_ids": [section_id]}
    del stalls["capacity"]
    seated = await front.event(venue_id=venue["id"], tickets=[stalls])
    queued = (await front.event(5, waiting_room={"opens_at": LONG_AGO}, sale_opens_at=LATER))["id"]
    return [
        f"/v1/events/{queued}/queue",
        f"/v1/events/{queued}/queue/audit/",
        f"/v1/events/{queued}/queue?a=b",
        f"/v1/events/{event['id']}/queue",
        "/v1/events/one/queue",
        "/v1/events",
        "/v1/events/?limit=1",
        "/v1/events?limit=none",
        "/v1/events/999999",
        f"/v1/events/{event['id']}",
        f"/v1/events/{event['id']}/",
        f"/v1/events/{event['id']}?a=b",
        f"/v1/events/{event['id']}/availability",
        "/v1/tickets?available=true",
        f"/v1/tickets/{event['tickets'][0]['id']}",
        f"/v1/events/{seated['id']}/sections",
        f"/v1/events/{seated['id']}/sections/{section_id}/seats",
        f"/v1/events/{seated['id']}/sections/{section_id}/seats?format=compact",
        "/v1/venues",
        f"/v1/venues/{venue['id']}/sections",
    ]


class Requests:
    """Generated requests; some name the ETag of the answer before."""

    def __init__(self, paths: list[str], seed: int) -> None:
        self._paths, self._chance = paths, random.Random(seed)  # noqa: S311  # no secret
        self.tags: dict[str, str] = {}
        self.path = ""

    def __iter__(self) -> Iterator[bytes]:
        chance = self._chance
        for _ in range(_REQUESTS):
            path = self.path = chance.choice(self._paths)
            headers = []
            if chance.random() < 0.4:
                headers.append(f"Accept-Encoding: {chance.choice(['gzip', 'deflate', 'br', 'gzip;q=0, *'])}")
            if chance.random() < 0.3:
                known = [self.tags.get(path, "*"), 'W/"other"', "*"]
                headers.append(f"If-None-Match: {chance.choice(known)}")
            if chance.random() < 0.2:
                headers.append(f"Origin: https://{chance.choice(['shop', 'other'])}.example")
            if chance.random() < 0.2:
                headers.append(f"X-Forwarded-For: 10.0.0.{chance.randrange(3)}, 127.0.0.1")
            if chance.random() < 0.1:
                headers.append(chance.choice(["X-Request-ID: mine", "Expect: 200-maybe", "Content-Length: 0"]))
            if chance.random() < 0.05:
                headers.append("Connection: close")
            method = chance.choice(["GET"] * 19 + ["PUT"])
            yield request_text(path, *headers, method=method, version=chance.choice(["1.1"] * 30 + ["1.0"]))


def alike(answer: bytes) -> bytes:
    """The answer without its id and its instant, which make a compressed one longer or shorter."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if body and b"Content-Encoding: " in head:
        body = zlib.decompress(body, zlib.MAX_WBITS | 32 if b"gzip" in head else zlib.MAX_WBITS)
        head = re.sub(rb"Content-Length: \d+", b"Content-Length: <n>", head)
    answer = head + end + body
    answer = re.sub(rb"X-Request-ID: ([0-9a-f]+-\d+|[0-9a-f]{16})\b", b"X-Request-ID: <id>", answer)
    answer = re.sub(rb"Date: .*", b"Date: <instant>", answer)
    return re.sub(rb'"as_of":"[^"]+"', b'"as_of":"<instant>"', answer)


async def test_requests_of_all_kinds_get_the_same_bytes_on_both_ways(start_api: StartApi, answered: Answered) -> None:
    paths = await paths_of(await start_api())
    fronts = [await start_api(**_SETTINGS), await start_api(**_SETTINGS, direct_requests=False)]
    wires = [await connect(front) for front in fronts]
    statuses = set()
    requests = Requests(paths, seed=7)
    for text in requests:
        answers = [(await wire.ask(text))[0] for wire in wires]
        assert alike(answers[0]) == alike(answers[1]), text
        if tag := re.search(rb"ETag: (.*)\r\n", answers[0]):
            requests.tags[requests.path] = tag[1].decode()
        statuses.add(answers[0][9:12])
        if b"Connection: close" in text or b"HTTP/1.0" in text or b"onnection: close" in answers[0]:
            for wire in wires:
                await wire.close()
            wires = [await connect(front) for front in fronts]
    for wire in wires:
        await wire.close()
    assert answered.count > _REQUESTS / 4, "the direct path was taken"
    assert {b"200", b"304", b"404", b"405", b"422"} <= statuses, statuses


@pytest.fixture
async def wire(front: Front) -> Any:
    wire = await connect(front)
    yield wire
    await wire.close()


async def test_it_shows_what_is_sold_at_once(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")

    async def available() -> Any:
        (answer,) = await wire.ask(ask)
        return json.loads(answer.split(b"\r\n\r\n")[1])["tickets"][0]["available"]

    for left in range(29, 20, -1):
        assert (await front.reserve((event["tickets"][0]["id"], 1))).status == 201
        assert [await available() for _ in range(3)] == [left] * 3
    assert answered.count > 9


async def test_readers_who_wait_for_another_look_share_it(front: Front, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")
    wires = [await connect(front) for _ in range(40)]
    for wire in wires[:2]:
        await wire.ask(ask)
    for left in (29, 28):
        assert (await front.reserve((event["tickets"][0]["id"], 1))).status == 201
        before = answered.count
        answers = await asyncio.gather(*(wire.ask(ask) for wire in wires))
        assert {json.loads(answer.split(b"\r\n\r\n")[1])["tickets"][0]["available"] for (answer,) in answers} == {left}
        assert answered.count == before + len(wires), "none took the ordinary way"
    for wire in wires:
        await wire.close()


async def test_what_comes_behind_a_waiting_request_is_answered_too(
    front: Front, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")
    for _ in range(2):
        await wire.ask(ask)
    await front.reserve((event["tickets"][0]["id"], 1))
    look, both_came, late = Stock.look, asyncio.Event(), DirectConnection.show_late
    seen: list[bytes] = []

    async def slow(stock: Stock, *arguments: Any, **how: Any) -> None:
        await both_came.wait()
        await look(stock, *arguments, **how)

    def note(connection: DirectConnection, *arguments: Any) -> None:
        seen.append(connection.early)
        late(connection, *arguments)

    monkeypatch.setattr(Stock, "look", slow)
    monkeypatch.setattr(DirectConnection, "show_late", note)
    wire._writer.write(ask)
    await asyncio.sleep(0.02)
    behind = request_text("/v1/venues/999999")
    answers = asyncio.create_task(wire.ask(behind, 2))
    await asyncio.sleep(0.02)
    both_came.set()
    assert [answer[9:12] for answer in await answers] == [b"200", b"404"]
    assert seen == [ask]


async def test_readers_whose_look_fails_learn_why(
    start_api: StartApi, answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await start_api()
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")
    wires = [await connect(front) for _ in range(5)]
    for wire in wires[:2]:
        await wire.ask(ask)
    await front.reserve((event["tickets"][0]["id"], 1))

    async def fail(*_: object, **__: object) -> None:
        raise Unready("Redis is not ready")

    with monkeypatch.context() as patch:
        patch.setattr(Stock, "look", fail)
        wires[0]._writer.write(ask)
        await wires[0].close()  # the client is gone
        answers = await asyncio.gather(*(wire.ask(ask) for wire in wires[1:]))
        assert {answer[9:12] for (answer,) in answers} == {b"503"}
    assert (await wires[1].ask(ask))[0][9:12] == b"200"
    for wire in wires[1:]:
        await wire.close()


async def test_pages_keep_no_request(front: Front) -> None:
    """The functions that make a page are kept with it; a request with its connection is ten times as large."""
    await front.event(30)
    for price in range(100):
        for query in (f"/v1/tickets?price_from={price}", f"/v1/events?from=2026-01-01T00:00:00.{price:03}Z"):
            assert (await front.call("GET", query)).status == 200
    gc.collect()
    assert sum(type(each) is web.Request for each in gc.get_objects()) < 50


async def test_it_shows_what_managers_change_at_once(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}/availability")
    assert [(await wire.ask(ask))[0][9:12] for _ in range(3)] == [b"200"] * 3
    assert answered.count == 2
    await front.call("PATCH", f"/v1/events/{event['id']}", {"status": "paused"})
    assert b'"paused"' in (await wire.ask(ask))[0]


async def test_it_shows_a_waiting_room_until_there_is_none(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30, waiting_room={"opens_at": LONG_AGO}, sale_opens_at=LATER)
    ask = request_text(f"/v1/events/{event['id']}/queue")
    assert [(await wire.ask(ask))[0][9:12] for _ in range(4)] == [b"200"] * 4
    assert answered.count == 3
    await front.call("PATCH", f"/v1/events/{event['id']}", {"waiting_room": None})
    assert (await wire.ask(ask))[0][9:12] == b"404"


async def test_requests_in_pieces_and_several_at_once(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")
    assert [answer[9:12] for answer in await wire.ask(ask + ask + ask, 3)] == [b"200"] * 3
    for cut in (1, 20, len(ask) - 2):
        wire._writer.write(ask[:cut])
        await asyncio.sleep(0.01)
        assert (await wire.ask(ask[cut:]))[0][9:12] == b"200", cut
    assert answered.count == 0, "of what does not come alone and whole, aiohttp's task takes care"


async def test_a_request_within_a_body_is_no_request(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}")
    assert [(await wire.ask(ask))[0][9:12] for _ in range(3)] == [b"200"] * 3
    known = answered.count
    body = b'{"items": [' + b" " * (len(ask))
    line = "POST /v1/reservations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head = f"{line}Content-Length: {len(body)}\r\n\r\n"
    wire._writer.write(head.encode() + body[: -len(ask)])
    await asyncio.sleep(0.02)
    (answer,) = await wire.ask(ask)
    assert (answer[9:12], answered.count) == (b"400", known)


async def test_the_limit_of_reads_counts_them(start_api: StartApi, answered: Answered) -> None:
    front = await start_api(reads_per_minute=1, reads_burst=6)
    event = await front.event(30)
    wire = await connect(front)
    ask = request_text(f"/v1/events/{event['id']}")
    statuses = [(await wire.ask(ask))[0][9:12] for _ in range(9)]
    await wire.close()
    assert statuses == [b"200"] * 6 + [b"429"] * 3
    assert answered.count == 5


async def test_they_are_counted(front: Front, wire: Wire, answered: Answered) -> None:
    event = await front.event(30)
    ask = request_text(f"/v1/events/{event['id']}/availability")
    for _ in range(5):
        await wire.ask(ask)
    line = 'onsale_requests_total{method="GET",route="/v1/events/{event_id}/availability",status="200"} 5.0'

    async def counted() -> bool:
        return line in await (await front.client.get("/metrics")).text()

    await wait_until(counted)
    assert answered.count == 4


class _Transport(asyncio.Transport):
    """Notes whether it is read from."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return 1


async def test_a_client_that_does_not_read_can_be_held_back_too() -> None:
    """aiohttp's own pauses and ours are separate: once they were one, and either ended the other."""

    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response()

    connection: Any = DirectConnection(None, None, web.Server(handler), loop=asyncio.get_running_loop())  # type: ignore[arg-type]
    transport = connection.transport = _Transport()
    connection.pause_writing()
    connection.pause()
    assert (connection.writing_paused, transport.reading) == (True, False)
    assert not connection.is_writable()
    connection.read_on()
    assert (connection.writing_paused, transport.reading) == (True, True)
    connection.resume_writing()
    assert connection.is_writable()
