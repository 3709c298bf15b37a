"""Routes of codes."""

from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, MANAGERS
from api.codes import handlers, schemas
from api.http.problems import Code
from api.http.text import NamedCode
from api.http.types import Page
from api.route import Route

_CODES = "/v1/events/{event_id}/codes"
_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED

_managed = partial(Route, tag="Codes", roles=MANAGERS, path_types={"code": NamedCode})

ROUTES: tuple[Route, ...] = (
    _managed(
        method="POST",
        path=_CODES,
        handler=handlers.create_codes,
        body=schemas.NewCodes,
        keyed=True,
        answers={_CREATED: schemas.CreatedCodes},
        refusals=(Code.IN_USE, Code.SOLD_OUT, Code.LIMIT_EXCEEDED, Code.CURRENCY_NOT_SUPPORTED, Code.BELOW_TAKEN),
    ),
    _managed(
        method="GET",
        path=_CODES,
        handler=handlers.list_event_codes,
        query=schemas.CodesQuery,
        answers={_OK: Page[schemas.CodeView]},
    ),
    _managed(
        method="GET",
        path=f"{_CODES}.csv",
        handler=handlers.export_codes,
        query=schemas.CsvQuery,
        answers={_OK: str},
        media=("text/csv",),
    ),
    _managed(
        method="GET",
        path=f"{_CODES}/{{code}}",
        handler=handlers.read_event_code,
        answers={_OK: schemas.CodeView},
        refusals=(Code.CODE_UNKNOWN,),
    ),
    _managed(
        method="PATCH",
        path=f"{_CODES}/{{code}}",
        handler=handlers.change_code,
        body=schemas.CodePatch,
        answers={_OK: schemas.CodeView},
        refusals=(Code.CODE_UNKNOWN, Code.SOLD_OUT, Code.BELOW_TAKEN, Code.CURRENCY_NOT_SUPPORTED),
    ),
    _managed(
        method="DELETE",
        path=f"{_CODES}/{{code}}",
        handler=handlers.withdraw_code,
        answers={HTTPStatus.NO_CONTENT: None},
        refusals=(Code.CODE_UNKNOWN,),
    ),
    Route(
        method="GET",
        path=f"{_CODES}/{{code}}/offer",
        handler=handlers.read_code_offer,
        tag="Codes",
        roles=CUSTOMERS,
        path_types={"code": NamedCode},
        query=schemas.OfferQuery,
        answers={_OK: schemas.CodeOffer},
        refusals=(Code.CODE_UNKNOWN, Code.CODE_USED_UP, Code.RATE_LIMITED),
    ),
)
