"""Routes of live streams."""

from functools import partial
from http import HTTPStatus

from api.http.problems import Code
from api.live import handlers
from api.route import Route

_EVENT = "/v1/events/{event_id}"

_stream = partial(
    Route,
    method="GET",
    tag="Live updates",
    roles=None,
    drafts=True,
    answers={HTTPStatus.OK: str},
    media=("text/event-stream",),
    refusals=(Code.NOT_FOUND,),
)

ROUTES: tuple[Route, ...] = (
    _stream(path=f"{_EVENT}/availability/stream", handler=handlers.stream_availability),
    _stream(path=f"{_EVENT}/sections/{{section_id}}/seats/stream", handler=handlers.stream_seats),
    _stream(path=f"{_EVENT}/queue/stream", handler=handlers.stream_queue),
)
