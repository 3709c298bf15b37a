"""The route of tokens for development."""

from http import HTTPStatus

from api.dev_tokens import handlers
from api.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/dev/tokens",
        handler=handlers.create_dev_token,
        tag="Operations",
        roles=None,
        answers={HTTPStatus.OK: handlers.DevToken},
        body=handlers.TokenWish,
    ),
)
