"""Callers, and what is theirs. A token becomes a Caller (api/access/tokens.py); its rights follow from it here.

A customer has what is its own. A service acts for the customer that it names. A manager may do all that a service may,
and administers. A gate checks people in. Tokens of both may be good for some events only.
While authentication is off everybody is a manager of everything.
"""

import math
from collections.abc import Iterable
from enum import StrEnum

import msgspec
from aiohttp import web

from api.http.problems import forbidden, invalid
from api.http.requests import path_id
from engine.ids import event_of


class Role(StrEnum):
    """The role that a caller's token names."""

    CUSTOMER = "customer"
    SERVICE = "service"
    MANAGER = "manager"
    GATE = "gate"


CUSTOMERS = frozenset({Role.CUSTOMER, Role.SERVICE, Role.MANAGER})
"""The roles that may act as a customer: customers themselves, and services and managers for them."""

SERVICES = frozenset({Role.SERVICE, Role.MANAGER})
MANAGERS = frozenset({Role.MANAGER})
GATES = frozenset({Role.GATE, Role.MANAGER})
"""The roles that may check people in: gates do nothing else."""

LIMITED = GATES
"""The roles whose tokens may be good for some events only."""


class Caller(msgspec.Struct, gc=False, frozen=True):
    """The sender of a request.

    `events`: those that the token of a manager or a gate covers; None: all. `expires_at`: Unix seconds.
    """

    role: Role
    sub: str
    events: frozenset[int] | None = None
    expires_at: float = math.inf
    token_id: str = ""
    """The token's `jti`, if it has one."""

    @property
    def scope(self) -> str:
        """Whose Idempotency-Keys they are: two callers may make up the same one."""
        return f"{self.role}/{self.sub}"

    @property
    def owner(self) -> str:
        """The only customer whose things it finds; empty: it finds everybody's."""
        return self.sub if self.role is Role.CUSTOMER else ""

    def owns(self, customer_id: str) -> bool:
        """True if the caller may see this customer's resources."""
        return self.role is not Role.CUSTOMER or customer_id == self.sub

    def acts_for(self, customer_id: str | None, path: str) -> str:
        """The customer of a request that names one, or none, at that path. Raises Problem: forbidden, invalid."""
        if self.role is Role.CUSTOMER:
            if customer_id is not None and customer_id != self.sub:
                raise forbidden(f"{path} must be your own id, or absent: a customer cannot act for another one.")
            return self.sub
        if customer_id is None:
            raise invalid(path, "required, but missing")
        return customer_id

    def check_events(self, event_ids: Iterable[int]) -> None:
        """Raises Problem forbidden for an event that the token is not good for."""
        if self.events is None:
            return
        for event_id in event_ids:
            if event_id not in self.events:
                raise forbidden(f"Your token does not cover event {event_id}; ask for one whose `events` has it.")


OPEN = Caller(Role.MANAGER, "open")
"""The caller of every request while authentication is off (only on loopback)."""

CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """The sender of the request; only on routes that are restricted to roles."""
    return request[CALLER]


def managed_events(request: web.Request) -> frozenset[int] | None:
    """The events whose drafts the caller may see: those that it manages. None: all. For routes with `Route.drafts`."""
    caller: Caller | None = request.get(CALLER)
    if caller is None or caller.role is not Role.MANAGER:
        return _NO_EVENTS
    return caller.events


def manages(request: web.Request, event_id: int) -> bool:
    """True if the caller may see the parts of this event that are not public."""
    managed = managed_events(request)
    return managed is None or event_id in managed


_NO_EVENTS: frozenset[int] = frozenset()


def check_scope(request: web.Request, caller: Caller, *, scoped: bool) -> None:
    """Check the scope of a manager of some events.

    The path must name one of them, unless the handler checks it (`Route.scoped`).

    Raises Problem: forbidden, or not_found for what cannot be an event's id.
    """
    if "event_id" in request.match_info:
        caller.check_events([path_id(request, "event_id", "event")])
    elif "reservation_id" in request.match_info:
        event_id = event_of(request.match_info["reservation_id"])
        caller.check_events([] if event_id is None else [event_id])
    elif not scoped:
        raise forbidden(
            "Your token covers some events only, and this request concerns all; ask for one without `events`."
        )
