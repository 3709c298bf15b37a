"""Routes of the API reference."""

from functools import partial
from http import HTTPStatus

from api.docs import handlers
from api.route import Route

_OK = HTTPStatus.OK


_operations = partial(Route, tag="Operations", roles=None)

ROUTES: tuple[Route, ...] = (
    _operations(method="GET", path="/openapi.json", handler=handlers.read_openapi, answers={_OK: dict}, cached=True),
    _operations(
        method="GET", path="/docs", handler=handlers.read_docs, answers={_OK: str}, media=("text/html",), cached=True
    ),
    _operations(
        method="GET",
        path="/docs/{asset}",
        handler=handlers.read_asset,
        path_types={"asset": handlers.Asset},
        answers={_OK: bytes},
        media=("text/css", "text/javascript", "image/png"),
        cached=True,
    ),
)
