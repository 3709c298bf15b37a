"""Webhooks: a manager says which of the shop's own systems are told what happens, and sees what became of it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from api.answers import NewWebhook, Page, Webhook, WebhookDelivery
from api.bodies import DatabaseId, path_id, read_body, read_no_body, read_query
from api.keys import ADDRESSES, WEBHOOKS
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import Problem, invalid, not_found
from api.replies import Reply, json_reply, no_content
from api.times import milliseconds, rfc3339
from sync.webhooks import endpoints
from sync.webhooks.endpoints import MAX_WEBHOOKS, DeliveryStatus, WebhookChanges
from sync.webhooks.messages import WebhookEvent

_LARGEST_DELIVERY_ID = 2**63 - 1

DeliveryId = Annotated[int, Meta(ge=1, le=_LARGEST_DELIVERY_ID)]

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        pattern=r"^[!-~]+$(?!\n)",
        extra_json_schema={"format": "uri", "pattern": "^https?://[!-~]+$"},
    ),
]
"""An address, its characters beyond ASCII encoded. Where it may lead is looked at once the body is read."""

Description = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
Events = Annotated[list[WebhookEvent], Meta(min_length=1, max_length=len(WebhookEvent))]


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/webhooks. Without `events`: all types that there are now."""

    url: Url
    events: Events = msgspec.field(default_factory=lambda: list(WebhookEvent))
    description: Description = ""


class WebhookPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/webhooks/{webhook_id}: what is not given stays."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    events: Events | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


class DeliveriesQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/webhooks/{webhook_id}/deliveries."""

    status: DeliveryStatus | None = None


_WEBHOOK = msgspec.json.Decoder(WebhookBody)
_PATCH = msgspec.json.Decoder(WebhookPatch)


async def create_webhook(request: web.Request) -> Reply:
    """POST /v1/webhooks: the only answer, but for that of a rotation, that has the secret."""
    body = await read_body(request, _WEBHOOK)
    _check_url(request, body.url)
    made = await request.app[WEBHOOKS].create(body.url, _once_each(body.events), body.description)
    if made is None:
        raise invalid("", f"there are {MAX_WEBHOOKS} webhooks, which is the most; delete one that is not needed")
    location = f"/v1/webhooks/{made.webhook.webhook_id}"
    return json_reply(_with_secret(made), status=201, headers={"Location": location})


async def list_webhooks(request: web.Request) -> Reply:
    """GET /v1/webhooks: by id."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, DatabaseId) or 0
    found = await request.app[WEBHOOKS].page(after=after, limit=query.limit + 1)
    shown = found[: query.limit]
    cursor = encode_cursor(shown[-1].webhook_id) if len(found) > len(shown) else None
    return json_reply(Page([_view(webhook) for webhook in shown], cursor))


async def read_webhook(request: web.Request) -> Reply:
    """GET /v1/webhooks/{webhook_id}: an endpoint, without its secret."""
    return json_reply(_view(await _webhook_of_path(request)))


async def change_webhook(request: web.Request) -> Reply:
    """PATCH /v1/webhooks/{webhook_id}: changes what is given."""
    webhook_id = _webhook_id(request)
    patch = await read_body(request, _PATCH)
    if patch.url is not msgspec.UNSET:
        _check_url(request, patch.url)
    given = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not msgspec.UNSET}
    if "events" in given:
        given["events"] = _once_each(given["events"])
    webhook = await request.app[WEBHOOKS].change(webhook_id, WebhookChanges(**given))
    if webhook is None:
        raise _no_webhook(webhook_id)
    return json_reply(_view(webhook))


async def delete_webhook(request: web.Request) -> Reply:
    """DELETE /v1/webhooks/{webhook_id}: what waits for it is forgotten too."""
    webhook_id = _webhook_id(request)
    if not await request.app[WEBHOOKS].delete(webhook_id):
        raise _no_webhook(webhook_id)
    return no_content()


async def rotate_secret(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/rotate: a new secret; the one before is good for a day more."""
    webhook_id = _webhook_id(request)
    await read_no_body(request)
    rotated = await request.app[WEBHOOKS].rotate(webhook_id)
    if rotated is None:
        raise _no_webhook(webhook_id)
    return json_reply(_with_secret(rotated))


async def test_webhook(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/test: sends it a message of type webhook.test."""
    webhook_id = _webhook_id(request)
    await read_no_body(request)
    delivery = await request.app[WEBHOOKS].test(webhook_id)
    if delivery is None:
        raise _no_webhook(webhook_id)
    return json_reply(_delivery_view(delivery), status=202)


async def list_deliveries(request: web.Request) -> Reply:
    """GET /v1/webhooks/{webhook_id}/deliveries: newest first."""
    webhook_id = (await _webhook_of_path(request)).webhook_id
    query = read_query(request, DeliveriesQuery)
    before = decode_cursor(query.cursor, DeliveryId)
    found = await request.app[WEBHOOKS].deliveries(
        webhook_id, status=query.status, before=before, limit=query.limit + 1
    )
    shown = found[: query.limit]
    cursor = encode_cursor(shown[-1].delivery_id) if len(found) > len(shown) else None
    return json_reply(Page([_delivery_view(delivery) for delivery in shown], cursor))


async def redeliver(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver: sends it again, dead or delivered."""
    webhook_id = _webhook_id(request)
    delivery_id = path_id(request, "delivery_id", "delivery", largest=_LARGEST_DELIVERY_ID)
    await read_no_body(request)
    delivery = await request.app[WEBHOOKS].redeliver(webhook_id, delivery_id)
    if delivery is None:
        raise not_found(f"delivery {delivery_id} of webhook {webhook_id}")
    return json_reply(_delivery_view(delivery), status=202)


def _webhook_id(request: web.Request) -> int:
    return path_id(request, "webhook_id", "webhook")


async def _webhook_of_path(request: web.Request) -> endpoints.Webhook:
    webhook_id = _webhook_id(request)
    webhook = await request.app[WEBHOOKS].read(webhook_id)
    if webhook is None:
        raise _no_webhook(webhook_id)
    return webhook


def _no_webhook(webhook_id: int) -> Problem:
    return not_found(f"webhook {webhook_id}")


def _check_url(request: web.Request, url: str) -> None:
    """Raises Problem invalid for an address that no message may be sent to."""
    why_not = request.app[ADDRESSES].why_not(url)
    if why_not is not None:
        raise invalid("url", why_not)


def _once_each(events: list[WebhookEvent]) -> list[WebhookEvent]:
    return list(dict.fromkeys(events))


def _view(webhook: endpoints.Webhook) -> Webhook:
    return Webhook(**_members(webhook))


def _with_secret(made: endpoints.WithSecret) -> NewWebhook:
    return NewWebhook(**_members(made.webhook), secret=made.secret)


def _members(webhook: endpoints.Webhook) -> dict[str, Any]:
    return {
        "id": webhook.webhook_id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "enabled": webhook.enabled,
        "gone_at": _instant(webhook.gone_at),
        "created_at": rfc3339(milliseconds(webhook.created_at)),
    }


def _delivery_view(delivery: endpoints.Delivery) -> WebhookDelivery:
    return WebhookDelivery(
        id=delivery.delivery_id,
        message_id=delivery.message_id,
        type=delivery.event,
        subject=delivery.subject,
        status=delivery.status,
        attempts=delivery.attempts,
        created_at=rfc3339(milliseconds(delivery.created_at)),
        next_attempt_at=_instant(delivery.next_at),
        ended_at=_instant(delivery.ended_at),
        response_status=delivery.response_status,
        error=delivery.error or None,
    )


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(milliseconds(instant))
