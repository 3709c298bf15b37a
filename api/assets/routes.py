"""The route of the files that pages share."""

from http import HTTPStatus

from api.assets import handlers
from api.http.problems import Code
from api.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/assets/{shared_asset}",
        handler=handlers.read_shared_asset,
        tag="Operations",
        roles=None,
        refusals=(Code.NOT_FOUND,),
        path_types={"shared_asset": handlers.SharedAsset},
        answers={HTTPStatus.OK: bytes},
        media=("text/css", "text/javascript"),
        cached=True,
    ),
)
