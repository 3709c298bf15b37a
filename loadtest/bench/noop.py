"""A handler that does nothing: decodes the body as the API does and answers the bytes of a real answer. For gunicorn.

`make_app` is a bare aiohttp application in a process as gunicorn makes it, the measure of everything. The others show
the part of the API's cost that is not the engine's. `make_tuned_app` collects garbage as rarely as the API's process
does (cli/gc_tuning.py). `make_framed_app` also has the API's frame around the handler.
"""

from http import HTTPStatus

import msgspec
from aiohttp import web

from api.access.callers import CUSTOMERS
from api.admission import Admission
from api.frame import Frame
from api.http.replies import Reply
from api.metrics import Metrics
from api.route import Route
from api.sales.reservations import NewReservation
from api.sales.schemas import Reservation
from cli.gc_tuning import collect_rarely
from engine.limits import LimitsInForce
from engine.settings import Settings
from loadtest.bench.recorded_response import Answer, recorded_answer

_JSON = "application/json"
_DECODER = msgspec.json.Decoder(NewReservation)
_ANSWER = web.AppKey("answer", Answer)


async def make_app() -> web.Application:
    """The handler alone."""
    app = web.Application()
    app[_ANSWER] = recorded_answer()
    app.router.add_post("/v1/reservations", _answer)
    return app


async def make_reading_app() -> web.Application:
    """An application for reads of availability: no body to decode."""
    app = web.Application()
    app[_ANSWER] = recorded_answer()
    app.router.add_get("/v1/events/{event_id}/availability", _answer_a_read)
    return app


async def make_tuned_app() -> web.Application:
    """The handler alone, in a process that collects garbage as rarely as ours."""
    app = await make_app()
    collect_rarely()
    return app


async def make_framed_app() -> web.Application:
    """The handler within the API's frame."""
    app = web.Application()
    answer = recorded_answer()
    # The frame writes these headers itself.
    own = {"cache-control", "x-request-id"}
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in own}
    app[_ANSWER] = Answer(answer.body, answer.status, headers)
    settings = Settings(auth="off")
    framed = Frame(Metrics(), Admission(settings), settings, LimitsInForce(settings)).around(_ROUTE)
    app.router.add_post(_ROUTE.path, framed)
    collect_rarely()
    return app


async def _answer(request: web.Request) -> web.Response:
    _DECODER.decode(await request.read())
    return _response(request.app[_ANSWER])


async def _answer_a_read(request: web.Request) -> web.Response:
    return _response(request.app[_ANSWER])


def _response(answer: Answer) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, content_type=_JSON, headers=answer.headers)


async def _answer_plainly(request: web.Request) -> Reply:
    """The same, written as our own answers are."""
    _DECODER.decode(await request.read())
    answer = request.app[_ANSWER]
    return Reply(answer.body, {"Content-Type": _JSON, **answer.headers}, answer.status)


_ROUTE = Route(
    method="POST",
    path="/v1/reservations",
    handler=_answer_plainly,
    tag="Benchmark",
    roles=CUSTOMERS,
    body=NewReservation,
    answers={HTTPStatus.CREATED: Reservation},
)
