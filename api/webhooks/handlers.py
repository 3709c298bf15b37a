"""Webhooks: managers register the shop's own systems for notifications, and see their deliveries."""

from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.app_keys import ALLOWED_ADDRESSES, WEBHOOKS
from api.http.entity_tags import precondition_failed, revised_reply, wanted_revisions
from api.http.pagination import PageQuery, decode_cursor, page
from api.http.problems import Problem, invalid, not_found
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import DatabaseId, Nothing, path_id, read_body, read_no_body, read_query
from api.http.text import OptionalText
from api.http.times import milliseconds, optional_rfc3339, rfc3339
from api.idempotency import creation_of, once
from api.webhooks.schemas import NewWebhook, RedeliveredWebhooks, Webhook, WebhookDelivery
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

Events = Annotated[list[WebhookEvent], Meta(min_length=1, max_length=len(WebhookEvent))]


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/webhooks. Without `events`: all current types."""

    url: Url
    events: Events = msgspec.field(default_factory=lambda: list(WebhookEvent))
    description: OptionalText = ""

    EXAMPLE: ClassVar[Any] = {"url": "https://shop.example/onsale", "events": ["reservation.paid"]}


class WebhookPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/webhooks/{webhook_id}: missing fields stay."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    events: Events | msgspec.UnsetType = msgspec.UNSET
    description: OptionalText | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET

    EXAMPLE: ClassVar[Any] = {"enabled": False}


class DeliveriesQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/webhooks/{webhook_id}/deliveries."""

    status: DeliveryStatus | None = None


_WEBHOOK = msgspec.json.Decoder(WebhookBody)
_PATCH = msgspec.json.Decoder(WebhookPatch)
_NOTHING = Nothing()


async def create_webhook(request: web.Request) -> Reply:
    """POST /v1/webhooks: registers an endpoint. Only this answer and that of a rotation have the secret."""
    body = await read_body(request, _WEBHOOK)
    _check_url(request, body.url)

    async def create() -> Reply:
        creation = creation_of(request, "webhooks", body)
        made = await request.app[WEBHOOKS].create(body.url, _once_each(body.events), body.description, creation)
        if made is None:
            raise invalid("", f"there are already {MAX_WEBHOOKS} webhooks, the maximum; delete one first")
        headers = {"Location": f"/v1/webhooks/{made.webhook.webhook_id}"}
        headers["ETag"] = _reply(request, made.webhook).headers["ETag"]
        return json_reply(_with_secret(made), status=201, headers=headers)

    return await once(request, "webhooks", body, create)


async def list_webhooks(request: web.Request) -> Reply:
    """GET /v1/webhooks: lists endpoints by id."""
    query = read_query(request, PageQuery)
    after = decode_cursor(request.path, query.cursor, DatabaseId) or 0
    found = await request.app[WEBHOOKS].page(after=after, limit=query.limit + 1)
    return json_reply(page(request, found, query.limit, lambda webhook: webhook.webhook_id, _view))


async def read_webhook(request: web.Request) -> Reply:
    """GET /v1/webhooks/{webhook_id}: reads an endpoint, without its secret."""
    return _reply(request, await _webhook_of_path(request))


async def change_webhook(request: web.Request) -> Reply:
    """PATCH /v1/webhooks/{webhook_id}: changes the given fields."""
    webhook_id = _webhook_id(request)
    patch = await read_body(request, _PATCH)
    if patch.url is not msgspec.UNSET:
        _check_url(request, patch.url)
    given = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not msgspec.UNSET}
    if "events" in given:
        given["events"] = _once_each(given["events"])
    webhook = await request.app[WEBHOOKS].change(webhook_id, WebhookChanges(**given), wanted_revisions(request))
    if webhook is None:
        raise await _not_changed(request)
    return _reply(request, webhook)


async def delete_webhook(request: web.Request) -> Reply:
    """DELETE /v1/webhooks/{webhook_id}: deletes an endpoint and its pending deliveries."""
    webhook_id = _webhook_id(request)
    if not await request.app[WEBHOOKS].delete(webhook_id, wanted_revisions(request)):
        raise await _not_changed(request)
    return no_content()


async def rotate_secret(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/rotate: makes a new secret; the previous one is valid for another day."""
    webhook_id = _webhook_id(request)
    await read_no_body(request)
    rotated = await request.app[WEBHOOKS].rotate(webhook_id)
    if rotated is None:
        raise _no_webhook(webhook_id)
    return json_reply(_with_secret(rotated))


async def test_webhook(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/test: sends a message of type webhook.test."""
    webhook_id = _webhook_id(request)
    await read_no_body(request)
    delivery = await request.app[WEBHOOKS].test(webhook_id)
    if delivery is None:
        raise _no_webhook(webhook_id)
    return json_reply(_delivery_view(delivery), status=202)


async def list_deliveries(request: web.Request) -> Reply:
    """GET /v1/webhooks/{webhook_id}/deliveries: lists deliveries, newest first."""
    webhook_id = (await _webhook_of_path(request)).webhook_id
    query = read_query(request, DeliveriesQuery)
    before = decode_cursor(request.path, query.cursor, DeliveryId)
    found = await request.app[WEBHOOKS].deliveries(
        webhook_id, status=query.status, before=before, limit=query.limit + 1
    )
    return json_reply(page(request, found, query.limit, lambda delivery: delivery.delivery_id, _delivery_view))


async def redeliver(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver: sends a message again, dead or delivered."""
    webhook_id = _webhook_id(request)
    delivery_id = path_id(request, "delivery_id", "delivery", largest=_LARGEST_DELIVERY_ID)
    await read_no_body(request)

    async def send() -> Reply:
        delivery = await request.app[WEBHOOKS].redeliver(webhook_id, delivery_id)
        if delivery is None:
            raise not_found(f"delivery {delivery_id} of webhook {webhook_id}")
        return json_reply(_delivery_view(delivery), status=202)

    return await once(request, f"delivery {delivery_id} of {webhook_id}", _NOTHING, send)


async def redeliver_dead(request: web.Request) -> Reply:
    """POST /v1/webhooks/{webhook_id}/redeliver: sends dead messages again, oldest first, at most 1,000 of them."""
    webhook_id = _webhook_id(request)
    await read_no_body(request)

    async def send() -> Reply:
        sent = await request.app[WEBHOOKS].redeliver_dead(webhook_id)
        if sent is None:
            raise _no_webhook(webhook_id)
        return json_reply(RedeliveredWebhooks(sent.redelivered, sent.still_dead), status=202)

    return await once(request, f"dead deliveries of {webhook_id}", _NOTHING, send)


def _webhook_id(request: web.Request) -> int:
    return path_id(request, "webhook_id", "webhook")


async def _webhook_of_path(request: web.Request) -> endpoints.Webhook:
    webhook_id = _webhook_id(request)
    webhook = await request.app[WEBHOOKS].read(webhook_id)
    if webhook is None:
        raise _no_webhook(webhook_id)
    return webhook


async def _not_changed(request: web.Request) -> Problem:
    """Why an endpoint is as it was: it is not there, or not as If-Match says."""
    webhook = await _webhook_of_path(request)
    return precondition_failed(f"Webhook {webhook.webhook_id}")


def _no_webhook(webhook_id: int) -> Problem:
    return not_found(f"webhook {webhook_id}")


def _check_url(request: web.Request, url: str) -> None:
    """Raises Problem invalid for an address that no message may be sent to."""
    why_not = request.app[ALLOWED_ADDRESSES].why_not(url)
    if why_not is not None:
        raise invalid("url", why_not)


def _once_each(events: list[WebhookEvent]) -> list[WebhookEvent]:
    return list(dict.fromkeys(events))


def _reply(request: web.Request, webhook: endpoints.Webhook) -> Reply:
    return revised_reply(request, _view(webhook), webhook.revision)


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
        "gone_at": optional_rfc3339(webhook.gone_at),
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
        next_attempt_at=optional_rfc3339(delivery.next_at),
        ended_at=optional_rfc3339(delivery.ended_at),
        response_status=delivery.response_status,
        error=delivery.error or None,
    )
