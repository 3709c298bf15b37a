"""Routes of what is known of a customer."""

from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.customers import handlers, schemas
from api.http.text import CustomerId
from api.route import Route

_data = partial(
    Route,
    path="/v1/customers/{customer_id}/data",
    tag="Personal data",
    roles=MANAGERS,
    path_types={"customer_id": CustomerId},
)

ROUTES: tuple[Route, ...] = (
    _data(method="GET", handler=handlers.read_customer_data, answers={HTTPStatus.OK: schemas.CustomerData}),
    _data(method="DELETE", handler=handlers.erase_customer_data, answers={HTTPStatus.ACCEPTED: schemas.Erasure}),
)
