"""Hooks with facts that Schemathesis cannot know of the shop that it explores."""

import json
import os
import re
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase
from schemathesis.hooks import HookContext

_EVENT_ID, _TICKET_ID = int(os.environ["ON_SALE_EVENT_ID"]), int(os.environ["ON_SALE_TICKET_ID"])
"""Of the test that runs this."""

_BEYOND_A_SCHEMA = re.compile(
    "|".join(
        (
            "not a number with a decimal point",  # to a schema 60.0 is an integer
            "not a cursor",
            r"except\[\d+\]: must be a date",  # a pattern knows no calendar
            "the event is not timed",
            "is of a code of kind",
            "a discount has one of percent, amount_off and price",
            "the plan has no seats",
            "a zone may have at most",
            "the row has another seat of this number",
            "another seat has it",
            "another customer than customer_id of the query",
            "cannot go with a code",
            "is not an IANA time zone",
            "must be from 1971 to",
            "must be later than sale_opens_at",
            "is used more than once",
            "a seat is listed more than once",
            "a venue may have at most 200000 seats",
            "a section may have at most 20000 seats",
            # of general tickets, and of assigned ones
            "leave capacity out",
            "block seats instead",
            "or give section_ids, for assigned seats",
            "the event has no venue",
            "give its quantity",
            "required, but missing",
            "list seats or ask for the best available, not both",
            "does not match the number of listed seats",
            "name them, or give quantity and best_available",
            "name one seat",
            "is sold from",
            "reserve one event at a time",
            "no item names seats",
            "name an event or a customer",
            "a reservation stays with its event",
            "tickets offer sections of this venue",
            # of timed ones
            "another slot begins at this time",
            "define its places; leave it out",
            "the event's slots define the places",
            "its time zone cannot change",
            "the ticket is not timed; leave it out",
            "has begun; choose a later one",
            # of addresses
            "not a URL",
            "must begin with https://",
            "must have no user, password or fragment",
            "is not on the public internet",
            "the maximum",
        )
    )
)
"""Why a body or a query may be invalid that is right by its schema."""


@schemathesis.check
def refused_only_for_what_no_schema_says(_ctx: CheckContext, response: Response, case: "Case[Any]") -> None:
    """A request that its schema allows is refused for no reason that the schema could have said."""
    if response.status_code == 422 and case.meta is not None and case.meta.generation.mode.is_positive:
        problem = json.loads(response.content)
        if problem["code"] == "invalid":
            assert _BEYOND_A_SCHEMA.search(problem["detail"]), f"The schema should say so: {problem['detail']}"


@schemathesis.hook
def before_call(_context: HookContext, case: "Case[Any]", _kwargs: dict[str, object]) -> None:
    """Keeps sales open, and lets requests that follow links take a ticket that is available.

    Events made at random would nearly all be drafts or closed, and without a ticket; nothing could be reserved.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    operation = case.operation.definition.raw["operationId"]
    if operation in ("create_event", "change_event"):
        case.body |= {"status": "on_sale", "sale_opens_at": None, "sale_closes_at": None}
    elif operation == "create_venue":
        case.query = {"format": "pretix"} if "zones" in case.body else {}
    elif case.meta.phase.name is TestPhase.STATEFUL:
        if operation == "create_reservation":
            case.body |= {"items": [{"ticket_id": _TICKET_ID, "quantity": 1}]}
        elif operation == "add_to_cart":
            case.body |= {"event_id": _EVENT_ID, "price_id": _TICKET_ID, "quantity": 1, "seat_id": None}
