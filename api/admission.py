"""Letting requests in, by the roles of their route."""

import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from api.access.bad_token_limiter import BadTokenLimiter
from api.access.callers import CALLER, OPEN, Caller, Role, check_scope
from api.access.client_address import networks
from api.access.tokens import Tokens
from api.http.allowed_hosts import AllowedHosts
from api.http.problems import Problem, forbidden
from api.route import Route
from engine.settings import Settings

Known = Callable[[web.Request], Caller | None]
"""The sender of a request, if known at once and in no way unusual."""

Admit = Callable[[web.Request], Awaitable[None]]
"""Raises Problem unauthenticated, forbidden, or rate_limited; afterwards `caller_of` knows the caller."""


class Admission:
    """Authentication of callers, if it is on. An async context manager, for the keys of tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(settings) if settings.auth == "jwt" else None
        self._bad_tokens = BadTokenLimiter(settings)

    async def __aenter__(self) -> Self:
        if self._tokens is not None:
            await self._tokens.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tokens is not None:
            await self._tokens.__aexit__(kind, error, trace)

    def known_of(self, route: Route) -> Known:
        """A function that knows a caller at once, for a route of certain roles; None: take the ordinary path.

        Nothing is counted for a token that is refused: the ordinary path looks at it again, and tells the problem.
        """
        tokens, roles, hosts = self._tokens, route.roles or frozenset(), AllowedHosts(self._settings.allowed_hosts)
        limiter = self._bad_tokens
        if tokens is None:
            return lambda request: OPEN if hosts.any or hosts.allows(request.headers.get(hdrs.HOST)) else None

        def known(request: web.Request) -> Caller | None:
            headers = request.headers
            if not (hosts.any or hosts.allows(headers.get(hdrs.HOST))):
                return None
            authorization = headers.get(hdrs.AUTHORIZATION)
            caller = tokens.known(authorization)
            if caller is None and not (limiter.limits and limiter.refuses(networks(request))):
                caller = tokens.caller_now(authorization)
            return caller if caller is not None and caller.role in roles and caller.events is None else None

        return known

    def readers_of(self, route: Route) -> Callable[[web.Request], bool]:
        """A function that admits a request without a token to a public route, as `of` would; False: ask `of`."""
        hosts, is_open = AllowedHosts(self._settings.allowed_hosts), route.drafts and self._tokens is None

        def lets_in(request: web.Request) -> bool:
            if is_open:
                request[CALLER] = OPEN
            return hosts.any or hosts.allows(request.headers.get(hdrs.HOST))

        return lets_in

    def of(self, route: Route) -> Admit | None:
        """The check that admits requests to a route; None for a public route."""
        if route.drafts:
            return _admit_all if self._tokens is None else _by_token_if_any(self._tokens, self._bad_tokens)
        if route.roles is None or (route.signed and self._settings.callback_secrets):
            return None
        if self._tokens is None:
            return _admit_all
        admit = _by_token(self._tokens, self._bad_tokens, route, route.roles)
        if route.signed and not self._settings.unsigned_callbacks:
            return _not_unsigned(admit)
        return _by_password(self._settings.metrics_token, admit) if route.metrics else admit


async def _admit_all(request: web.Request) -> None:
    request[CALLER] = OPEN


def _by_token_if_any(tokens: Tokens, limiter: BadTokenLimiter) -> Admit:
    """Admission to public routes. An invalid token shows no less than none."""

    async def admit(request: web.Request) -> None:
        authorization = request.headers.get(hdrs.AUTHORIZATION)
        if authorization is None:
            return
        with suppress(Problem):
            request[CALLER] = tokens.known(authorization) or await _new_caller(request, authorization, tokens, limiter)

    return admit


def _by_token(tokens: Tokens, limiter: BadTokenLimiter, route: Route, roles: frozenset[Role]) -> Admit:
    scoped = route.scoped
    refusal = f"This is for {' and '.join(sorted(roles))} tokens; yours is of another role."

    async def admit(request: web.Request) -> None:
        authorization = request.headers.get(hdrs.AUTHORIZATION)
        caller = tokens.known(authorization) or await _new_caller(request, authorization, tokens, limiter)
        if caller.role not in roles:
            raise forbidden(refusal)
        if caller.events is not None:
            check_scope(request, caller, scoped=scoped)
        request[CALLER] = caller

    return admit


async def _new_caller(
    request: web.Request, authorization: str | None, tokens: Tokens, limiter: BadTokenLimiter
) -> Caller:
    """The caller of a token that was not seen before. Raises as Admit."""
    address = networks(request) if limiter.limits else ""
    limiter.check(address)
    try:
        return await tokens.caller(authorization)
    except Problem as problem:
        if problem.status == 401 and authorization is not None:
            limiter.failed(address)
        raise


def _not_unsigned(admit: Admit) -> Admit:
    """Refuses callbacks by token: a service's token does not prove that the caller is the gateway."""

    async def refuse(request: web.Request) -> None:
        await admit(request)
        raise forbidden(
            "Callbacks must be signed by the gateway; set ONSALE_CALLBACK_SECRETS, or allow ONSALE_UNSIGNED_CALLBACKS."
        )

    return refuse


def _by_password(password: str, otherwise: Admit) -> Admit:
    """Admit monitoring by a token of its own, so that it does not need a manager's."""
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


ADMISSION: web.AppKey["Admission"] = web.AppKey("admission")
