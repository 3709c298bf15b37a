"""Logging of changes: what managers and services change is logged as theirs (sync/audit_log)."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import msgspec
from aiohttp import web
from structlog.contextvars import get_contextvars

from api.access.callers import CALLER, MANAGERS, OPEN, SERVICES, Caller, Role
from api.access.client_address import client_address
from api.access.reasons import reason_text
from api.route import Route
from engine.acting import Actor, acting, current_actor

_READING = ("GET", "HEAD")

Audited = Callable[[web.Request, str], AbstractContextManager[None]]
"""Given a request and its id: within it, changes are logged as the caller's, if they must be logged."""


OVERRIDE_LIMIT = "override_limit"
"""A caller let a customer have more places than `max_per_customer`."""


FROM_BLOCKED = "from_blocked"
"""A caller sold seats that were blocked."""


def overriding(action: str, rules: tuple[str, ...]) -> AbstractContextManager[None]:
    """Within it, changes are logged with the rules of the sale that the caller sets aside; none: as always.

    Only managers and services may, so with authentication off it is logged, too, as this operation.
    """
    if not rules:
        return nullcontext()
    actor = current_actor() or Actor(OPEN.role.value, OPEN.sub, action, str(get_contextvars().get("request_id", "")))
    return acting(msgspec.structs.replace(actor, overrides=rules))


def is_logged(caller: Caller) -> bool:
    """True if this caller's changes are logged on every route: services and managers, who act for others."""
    return caller is not OPEN and caller.role not in (Role.CUSTOMER, Role.GATE)


def takes_reason(route: Route) -> bool:
    """True if the documentation tells callers of this route to say why: it is for managers or services, and changes."""
    return route.method not in _READING and route.roles in (MANAGERS, SERVICES)


def audit_of(route: Route) -> Audited | None:
    """The logging around a route's handler; None where nothing is logged for any caller.

    Customers' own reservations are not logged. With authentication off, calls that only managers make are.
    """
    if route.roles is None or route.method in _READING:
        return None
    never_customers = route.roles == SERVICES and not route.signed
    of_managers, action = route.roles == MANAGERS or never_customers, route.operation_id

    def audited(request: web.Request, request_id: str) -> AbstractContextManager[None]:
        caller = request.get(CALLER)
        if caller is None or not (is_logged(caller) or (caller is OPEN and of_managers)):
            return nullcontext()
        reason = reason_text(request.headers.get("X-Reason", ""))
        address = str(client_address(request) or "")
        return acting(Actor(caller.role.value, caller.sub, action, request_id, caller.token_id, address, reason))

    return audited
