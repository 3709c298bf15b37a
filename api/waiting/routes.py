"""Routes of waiting lists."""

from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, MANAGERS
from api.http.problems import Code
from api.http.types import Page
from api.route import Route
from api.waiting import handlers, schemas

_LIST = "/v1/events/{event_id}/waiting-list"
_ENTRY = f"{_LIST}/{{waiting_id}}"

_of_customers = partial(Route, tag="Waiting list", roles=CUSTOMERS)
_entry = partial(_of_customers, path=_ENTRY, path_types={"waiting_id": str})

ROUTES: tuple[Route, ...] = (
    _of_customers(
        method="POST",
        path=_LIST,
        handler=handlers.join_waiting_list,
        body=handlers.NewWaiting,
        answers={HTTPStatus.CREATED: schemas.WaitingEntry},
        keyed=True,
        refusals=(
            Code.QUEUE_CLOSED,
            Code.SALE_CLOSED,
            Code.NOT_ON_SALE_YET,
            Code.LIMIT_EXCEEDED,
            Code.RATE_LIMITED,
        ),
    ),
    Route(
        method="GET",
        path=_LIST,
        handler=handlers.list_waiting_list,
        tag="Waiting list",
        roles=MANAGERS,
        query=handlers.WaitingQuery,
        answers={HTTPStatus.OK: Page[schemas.WaitingEntry]},
    ),
    _entry(method="GET", handler=handlers.read_waiting_entry, answers={HTTPStatus.OK: schemas.WaitingEntry}),
    _entry(
        method="DELETE",
        handler=handlers.leave_waiting_list,
        answers={HTTPStatus.NO_CONTENT: None},
        refusals=(Code.PAYMENT_IN_PROGRESS, Code.ALREADY_PAID),
    ),
)
