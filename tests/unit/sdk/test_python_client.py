"""Retries, streams and the clock of the Python client, against a server that fails as told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from onsale_client import NoAnswerError, Onsale, ProblemError, ServerClock
from onsale_client.models import NewReservation

ORDER: NewReservation = {"items": [{"ticket_id": 7, "quantity": 2}], "customer": {"id": "22"}}


class Script:
    """A server that answers requests in this order, and what it was asked."""

    def __init__(self, *answers: Callable[[], web.Response | None]) -> None:
        self.answers, self.asked = list(answers), list[web.Request]()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = self.answers.pop(0)()
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    def headers(self, name: str) -> list[str | None]:
        return [request.headers.get(name) for request in self.asked]


def problem(status: int, code: str, **headers: str) -> Callable[[], web.Response]:
    document = {"type": "t", "title": "T", "status": status, "detail": "d", "code": code}
    return lambda: web.json_response(
        document,
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def made(**document: Any) -> Callable[[], web.Response]:
    return lambda: web.json_response(document, status=201)


def lost() -> None:
    return None


def events(text: str) -> Callable[[], web.Response]:
    return lambda: web.Response(text=text, content_type="text/event-stream")


@asynccontextmanager
async def client(script: Script, **options: Any) -> AsyncIterator[tuple[Onsale, list[float]]]:
    """A client that does not wait, and the pauses that it would have made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    async with TestServer(app) as server:
        made_with = {"sleep": sleep, "jitter": lambda: 1.0} | options
        async with Onsale(str(server.make_url("/")), "token", **made_with) as onsale:
            yield onsale, pauses


async def test_the_key_stays_over_retries_and_retry_after_is_honoured() -> None:
    script = Script(
        problem(503, "unavailable", Retry_After="3"),
        lost,
        lambda: web.Response(status=502, text="<html>"),
        made(id="a"),
    )
    async with client(script) as (onsale, pauses):
        assert (await onsale.create_reservation(ORDER))["id"] == "a"
    (key,) = set(script.headers("Idempotency-Key"))
    assert key
    assert (len(script.asked), pauses) == (4, [3.0, 0.5, 1.0])
    assert set(script.headers("Authorization")) == {"Bearer token"}


async def test_a_request_that_may_have_had_an_effect_is_not_repeated_without_a_key() -> None:
    script = Script(lost)
    async with client(script) as (onsale, _):
        with pytest.raises(NoAnswerError):
            await onsale.settle_payment("p", {"outcome": "failed", "note": "x"})
    assert len(script.asked) == 1


async def test_a_problem_is_an_exception_that_tells_its_code() -> None:
    script = Script(problem(409, "sold_out"))
    async with client(script) as (onsale, pauses):
        with pytest.raises(ProblemError) as raised:
            await onsale.create_reservation(ORDER, idempotency_key="mine")
    told = raised.value.problem
    assert told["code"] == "sold_out"
    assert raised.value.code == "sold_out"
    assert (script.headers("Idempotency-Key"), pauses) == (["mine"], [])


async def test_the_last_answer_counts_when_the_time_for_retries_is_over() -> None:
    script = Script(problem(503, "unavailable", Retry_After="30"))
    async with client(script) as (onsale, pauses):
        with pytest.raises(ProblemError, match="unavailable"):
            await onsale.list_events()
    assert pauses == []


async def test_parameters_and_paths_are_encoded() -> None:
    script = Script(lambda: web.json_response({"items": [], "next_cursor": None}), lambda: web.json_response({}))
    async with client(script) as (onsale, _):
        await onsale.list_tickets(available="true", event_id=3, ticket_type="A & B")
        await onsale.read_event_code(3, "50/50")
    first, second = script.asked
    assert dict(first.query) == {"available": "true", "event_id": "3", "ticket_type": "A & B"}
    assert second.raw_path == "/v1/events/3/codes/50%2F50"


async def test_a_stream_goes_on_where_it_was() -> None:
    script = Script(
        events('id: 1-1\nevent: snapshot\ndata: {"event_id": 1}\n\n: still here\n\n'),
        problem(503, "unavailable", Retry_After="5"),
        lost,
        events('id: 1-2\nevent: change\ndata: {"as_of":\ndata: "x"}\n\n'),
    )
    seen = []
    async with client(script) as (onsale, pauses):
        async for event in onsale.stream_availability(1):
            seen.append((event.type, event.data))
            if event.type == "change":
                break
    assert seen == [("snapshot", {"event_id": 1}), ("change", {"as_of": "x"})]
    assert script.headers("Last-Event-ID") == [None, "1-1", "1-1", "1-1"]
    assert pauses[:2] == [0.25, 5.0]  # after a reused connection was lost, aiohttp asks again at once


async def test_a_stream_of_what_is_not_there_ends_with_its_problem() -> None:
    async with client(Script(problem(404, "not_found"))) as (onsale, _):
        with pytest.raises(ProblemError, match="not_found"):
            await anext(onsale.stream_queue(9))


def test_the_clock_is_known_within_the_shortest_round_trip() -> None:
    here = 0.0
    clock = ServerClock(lambda: here)
    for sent, answered, received in ((0.0, 0.3, 0.4), (1.0, 1.01, 1.02), (2.0, 2.4, 2.9)):
        here = received
        clock.observe(5e9 + answered, sent, received)
    assert clock.uncertainty <= 0.011
    assert abs(clock.now() - (5e9 + here)) <= clock.uncertainty
    clock.observe(here, here, here)  # it was set
    assert abs(clock.now() - here) <= 0.001
    assert clock.until("1970-01-01T00:00:01Z") == 0
