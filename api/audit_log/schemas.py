"""Entries of the audit log as the API shows them."""

from typing import Any, ClassVar

import msgspec

from api.http.types import Money, Timestamp


class AuditLogEntry(msgspec.Struct, frozen=True):
    """A change by a manager or a service. `before` and `after` are null if there is nothing to show.

    `reason`: what the caller gave as `X-Reason`; null: nothing.
    """

    at: Timestamp
    actor: str
    role: str
    action: str
    resource: str
    before: Any
    after: Any
    request_id: str
    reason: str | None

    EXAMPLE: ClassVar[Any] = {
        "at": "2027-06-01T10:00:00.120Z",
        "actor": "boss",
        "role": "manager",
        "action": "change_ticket",
        "resource": "ticket/1",
        "before": {"price": Money.EXAMPLE},
        "after": {"price": {"amount": 25_000, "currency": "EUR"}},
        "request_id": "9f2c-17",
        "reason": "Price agreed with the promoter",
    }
