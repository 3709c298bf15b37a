"""Routes of waiting rooms."""

from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, MANAGERS
from api.http.problems import Code
from api.queue import handlers, schemas
from api.route import Route

_QUEUE = "/v1/events/{event_id}/queue"
_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED

_public = partial(Route, method="GET", tag="Waiting room", roles=None, cached=True, drafts=True)
_place = partial(Route, tag="Waiting room", roles=CUSTOMERS, query=handlers.PlaceQuery)

ROUTES: tuple[Route, ...] = (
    _place(
        method="POST",
        path=_QUEUE,
        handler=handlers.join_queue,
        body=handlers.QueueBody,
        body_optional=True,
        answers={_OK: schemas.QueuePlace, _CREATED: schemas.QueuePlace},
        refusals=(Code.QUEUE_CLOSED, Code.RATE_LIMITED),
    ),
    _public(path=_QUEUE, handler=handlers.read_queue, answers={_OK: schemas.Queue}),
    Route(
        method="PATCH",
        path=_QUEUE,
        handler=handlers.change_queue,
        tag="Waiting room",
        roles=MANAGERS,
        body=handlers.QueuePatch,
        answers={_OK: schemas.Queue},
    ),
    _place(method="GET", path=f"{_QUEUE}/place", handler=handlers.read_place, answers={_OK: schemas.QueuePlace}),
    _place(
        method="DELETE",
        path=f"{_QUEUE}/place",
        handler=handlers.leave_queue,
        answers={HTTPStatus.NO_CONTENT: None},
    ),
    _place(
        method="POST",
        path=f"{_QUEUE}/enter",
        handler=handlers.enter_queue,
        body=handlers.QueueBody,
        body_optional=True,
        answers={_OK: schemas.QueuePlace},
        refusals=(Code.QUEUE_CLOSED, Code.NOT_YOUR_TURN, Code.INSIDE_FULL, Code.RATE_LIMITED),
    ),
    _public(path=f"{_QUEUE}/audit", handler=handlers.read_queue_audit, answers={_OK: schemas.QueueAudit}),
)

PAGES: tuple[Route, ...] = tuple(route for route in ROUTES if route.cached)
"""The routes of documents that are made once for many clients."""
