"""Routes of the demo page."""

from functools import partial
from http import HTTPStatus

from api.demo import handlers
from api.http.problems import Code
from api.route import Route

_OK = HTTPStatus.OK


_operations = partial(Route, tag="Operations", roles=None)

ROUTES: tuple[Route, ...] = (
    _operations(
        method="GET",
        path="/demo",
        handler=handlers.read_demo,
        answers={_OK: str},
        media=("text/html",),
        cached=True,
        refusals=(Code.NOT_FOUND,),
    ),
    _operations(
        method="GET",
        path="/demo/queue/{event_id}",
        handler=handlers.read_demo_queue,
        answers={_OK: str},
        media=("text/html",),
        cached=True,
    ),
    _operations(
        method="GET",
        path="/demo/{demo_asset}",
        handler=handlers.read_demo_asset,
        path_types={"demo_asset": handlers.DemoAsset},
        answers={_OK: bytes},
        media=("text/css", "text/javascript"),
        cached=True,
    ),
)
