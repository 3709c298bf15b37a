"""Who asks, and what of it is theirs. What a token says becomes a Caller (api/tokens.py); here is what follows from it.

A customer has what is its own. A service acts for the customer that it names. A manager may do all that a service may,
and administers; its token may be good for some events only. While authentication is off everybody is a manager of
everything.
"""

import math
from collections.abc import Iterable
from enum import StrEnum

import msgspec
from aiohttp import web

from api.bodies import path_id
from api.problems import forbidden, invalid
from engine.ids import event_of


class Role(StrEnum):
    """What a caller's token says it is."""

    CUSTOMER = "customer"
    SERVICE = "service"
    MANAGER = "manager"


CUSTOMERS = frozenset(Role)
"""Who may do what customers do: themselves, and who acts for them."""

SERVICES = frozenset({Role.SERVICE, Role.MANAGER})
MANAGERS = frozenset({Role.MANAGER})


class Caller(msgspec.Struct, gc=False, frozen=True):
    """Who sent a request. `events`: those that a manager's token is good for; None: all. `expires_at`: Unix seconds."""

    role: Role
    sub: str
    events: frozenset[int] | None = None
    expires_at: float = math.inf

    @property
    def scope(self) -> str:
        """Whose Idempotency-Keys they are: two callers may make up the same one."""
        return f"{self.role}/{self.sub}"

    @property
    def owner(self) -> str:
        """The only customer whose things it finds; empty: it finds everybody's."""
        return self.sub if self.role is Role.CUSTOMER else ""

    def owns(self, customer_id: str) -> bool:
        """Whether it finds what is this customer's."""
        return self.role is not Role.CUSTOMER or customer_id == self.sub

    def acts_for(self, customer_id: str | None, path: str) -> str:
        """The customer of a request that names one, or none, at that path. Raises Problem: forbidden, invalid."""
        if self.role is Role.CUSTOMER:
            if customer_id is not None and customer_id != self.sub:
                raise forbidden(f"{path} must be your own id, or absent: a customer acts for nobody else.")
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
                raise forbidden(f"Your token is not good for event {event_id}; ask for one whose `events` has it.")


OPEN = Caller(Role.MANAGER, "open")
"""The caller of every request while authentication is off (only on loopback)."""

CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Who sent the request; only on routes that are for certain roles."""
    return request[CALLER]


def check_scope(request: web.Request, caller: Caller, *, scoped: bool) -> None:
    """For a manager of some events: the path must name one of them, unless the handler looks at it (`Route.scoped`).

    Raises Problem: forbidden, or not_found for what cannot be an event's id.
    """
    if "event_id" in request.match_info:
        caller.check_events([path_id(request, "event_id", "event")])
    elif "reservation_id" in request.match_info:
        event_id = event_of(request.match_info["reservation_id"])
        caller.check_events([] if event_id is None else [event_id])
    elif not scoped:
        raise forbidden("Your token is good for some events only, and this is about all; ask for one without `events`.")
