"""Answers about webhooks and their deliveries."""

from typing import Any, ClassVar

import msgspec

from api.http.types import Number, Timestamp
from sync.webhooks.endpoints import DeliveryStatus
from sync.webhooks.messages import WebhookEvent


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint of the shop. `gone_at`: the time of its answer 410, which disabled it."""

    id: int
    url: str
    events: list[WebhookEvent]
    description: str
    enabled: bool
    gone_at: Timestamp | None
    created_at: Timestamp


class NewWebhook(Webhook, frozen=True, kw_only=True):
    """An endpoint with its secret, which is shown once."""

    secret: str


class WebhookDelivery(msgspec.Struct, frozen=True):
    """A message to an endpoint, and its state. `message_id` is its webhook-id, `subject` mostly a reservation."""

    id: int
    message_id: str
    type: str
    subject: str
    status: DeliveryStatus
    attempts: Number
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    ended_at: Timestamp | None
    response_status: int | None
    error: str | None


class RedeliveredWebhooks(msgspec.Struct, frozen=True):
    """Dead deliveries that are sent once more, and those that are left: ask again for them."""

    redelivered: Number
    dead: Number

    EXAMPLE: ClassVar[Any] = {"redelivered": 12, "dead": 0}
