"""Routes for operators."""

from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.operations import handlers, schemas
from api.route import Route

_OK = HTTPStatus.OK


_operations = partial(Route, tag="Operations", roles=None)

ROUTES: tuple[Route, ...] = (
    _operations(method="GET", path="/healthz", handler=handlers.healthz, answers={_OK: schemas.Health}),
    _operations(method="GET", path="/readyz", handler=handlers.readyz, answers={_OK: schemas.Readiness}),
    _operations(
        method="GET",
        path="/metrics",
        handler=handlers.metrics,
        roles=MANAGERS,
        metrics=True,
        answers={_OK: str},
        media=("text/plain",),
    ),
)
