"""Letting requests in, by the roles of their route."""

import hmac
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from api.addresses import limited_address
from api.callers import CALLER, OPEN, Caller, Role, check_scope
from api.problems import Problem, forbidden
from api.route import Route
from api.strangers import Strangers
from api.tokens import Tokens
from engine.settings import Settings

Admit = Callable[[web.Request], Awaitable[None]]
"""Raises Problem unauthenticated, forbidden, or rate_limited; afterwards `caller_of` knows who asks."""


class Admission:
    """Knows who asks, if authentication is on. An async context manager, for the keys of tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(settings) if settings.auth == "jwt" else None
        self._strangers = Strangers(settings)

    async def __aenter__(self) -> Self:
        if self._tokens is not None:
            await self._tokens.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tokens is not None:
            await self._tokens.__aexit__(kind, error, trace)

    def of(self, route: Route) -> Admit | None:
        """What lets requests into a route; None where everybody may come."""
        if route.roles is None or (route.signed and self._settings.callback_secrets):
            return None
        if self._tokens is None:
            return _admit_all
        admit = _by_token(self._tokens, self._strangers, route, route.roles)
        return _by_password(self._settings.metrics_token, admit) if route.metrics else admit


async def _admit_all(request: web.Request) -> None:
    request[CALLER] = OPEN


def _by_token(tokens: Tokens, strangers: Strangers, route: Route, roles: frozenset[Role]) -> Admit:
    scoped = route.scoped
    refusal = f"This is for {' and '.join(sorted(roles))} tokens; yours is of another role."

    async def admit(request: web.Request) -> None:
        authorization = request.headers.get(hdrs.AUTHORIZATION)
        caller = tokens.known(authorization) or await _new_caller(request, authorization, tokens, strangers)
        if caller.role not in roles:
            raise forbidden(refusal)
        if caller.events is not None:
            check_scope(request, caller, scoped=scoped)
        request[CALLER] = caller

    return admit


async def _new_caller(request: web.Request, authorization: str | None, tokens: Tokens, strangers: Strangers) -> Caller:
    """The caller of a token that was not seen before. Raises as Admit."""
    address = limited_address(request)
    strangers.check(address)
    try:
        return await tokens.caller(authorization)
    except Problem as problem:
        if problem.status == 401 and authorization is not None:
            strangers.failed(address)
        raise


def _by_password(password: str, otherwise: Admit) -> Admit:
    """For who watches: it has no use for a manager's rights."""
    if not password:
        return otherwise
    expected = f"Bearer {password}".encode()

    async def admit(request: web.Request) -> None:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if hmac.compare_digest(given, expected):
            request[CALLER] = Caller(Role.MANAGER, "metrics")
        else:
            await otherwise(request)

    return admit
