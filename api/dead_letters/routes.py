"""Routes of dead letters."""

from http import HTTPStatus

from api.access.callers import MANAGERS
from api.dead_letters import handlers, schemas
from api.http.pagination import PageQuery
from api.http.types import Page
from api.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/dead-letters",
        handler=handlers.list_unwritten_facts,
        tag="Operations",
        roles=MANAGERS,
        query=PageQuery,
        answers={HTTPStatus.OK: Page[schemas.DeadLetter]},
    ),
)
