"""Routes of holds that managers count and release."""

from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.holds import handlers, schemas
from api.route import Route

_holds = partial(Route, tag="Managing", roles=MANAGERS, scoped=True)

ROUTES: tuple[Route, ...] = (
    _holds(
        method="GET",
        path="/v1/holds",
        handler=handlers.count_live_holds,
        query=handlers.HoldsQuery,
        answers={HTTPStatus.OK: schemas.Holds},
    ),
    _holds(
        method="POST",
        path="/v1/holds/release",
        handler=handlers.release_holds,
        body=handlers.ReleaseBody,
        keyed=True,
        answers={HTTPStatus.OK: schemas.ReleasedHolds},
    ),
)
