"""Routes of statistics."""

from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.http.pagination import PageQuery
from api.http.types import Page
from api.route import Route
from api.statistics import handlers, schemas

_OK = HTTPStatus.OK


_statistics = partial(Route, tag="Statistics", roles=MANAGERS)

ROUTES: tuple[Route, ...] = (
    _statistics(
        method="GET",
        path="/v1/statistics/events",
        handler=handlers.list_statistics_of_events,
        query=PageQuery,
        scoped=True,
        answers={_OK: Page[schemas.EventStatistics]},
    ),
    _statistics(
        method="GET",
        path="/v1/statistics/ticket-types",
        handler=handlers.list_statistics_of_ticket_types,
        query=PageQuery,
        answers={_OK: Page[schemas.TicketTypeStatistics]},
    ),
    _statistics(
        method="GET",
        path="/v1/events/{event_id}/statistics",
        handler=handlers.read_statistics_of_event,
        answers={_OK: schemas.EventStatistics},
    ),
)
