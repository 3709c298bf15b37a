"""Routes of the console."""

from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.console import handlers, schemas, session
from api.console.now import read_console_now
from api.http.problems import Code
from api.route import Route

_OK = HTTPStatus.OK

_console = partial(Route, method="GET", tag="Operations", roles=None, cached=True)
_for_managers = partial(Route, method="GET", tag="Operations", roles=MANAGERS, scoped=True)
_page = partial(_console, answers={_OK: str}, media=("text/html",))

ROUTES: tuple[Route, ...] = (
    _for_managers(
        path="/v1/console/session", handler=session.read_console_session, answers={_OK: session.ConsoleSession}
    ),
    _for_managers(path="/v1/console/now", handler=read_console_now, answers={_OK: schemas.Now}),
    _page(path="/console", handler=handlers.read_console),
    _page(
        path="/console/{console_view}",
        handler=handlers.read_console_view,
        path_types={"console_view": handlers.ConsoleView},
        refusals=(Code.NOT_FOUND,),
    ),
    _console(
        path="/console/assets/{console_asset}",
        handler=handlers.read_console_asset,
        path_types={"console_asset": handlers.ConsoleAsset},
        answers={_OK: bytes},
        media=("text/css", "text/javascript", "application/json"),
        refusals=(Code.NOT_FOUND,),
    ),
)
