"""Routes of webhooks."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.http.pagination import PageQuery
from api.http.requests import Nothing
from api.http.types import Page
from api.route import Link, Route
from api.webhooks import handlers, schemas

_OK, _CREATED, _ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
_NOTHING: Mapping[HTTPStatus, None] = {HTTPStatus.NO_CONTENT: None}

_WEBHOOK = "/v1/webhooks/{webhook_id}"


_ID = "$response.body#/id"
_WEBHOOK_ID = {"webhook_id": _ID}
_OF_WEBHOOK = (
    Link("read_webhook", _WEBHOOK_ID),
    Link("change_webhook", _WEBHOOK_ID, {"description": "The shop's own"}),
    Link("rotate_secret", _WEBHOOK_ID),
    Link("test_webhook", _WEBHOOK_ID),
    Link("list_deliveries", _WEBHOOK_ID),
    Link("delete_webhook", _WEBHOOK_ID),
)
_OF_DELIVERY = (Link("redeliver", {"webhook_id": "$request.path.webhook_id", "delivery_id": _ID}),)

_webhooks = partial(Route, tag="Webhooks", roles=MANAGERS)

ROUTES: tuple[Route, ...] = (
    _webhooks(
        method="POST",
        path="/v1/webhooks",
        handler=handlers.create_webhook,
        conditional=True,
        keyed=True,
        links=_OF_WEBHOOK,
        body=handlers.WebhookBody,
        answers={_CREATED: schemas.NewWebhook},
    ),
    _webhooks(
        method="GET",
        path="/v1/webhooks",
        handler=handlers.list_webhooks,
        query=PageQuery,
        answers={_OK: Page[schemas.Webhook]},
    ),
    _webhooks(
        method="GET", path=_WEBHOOK, handler=handlers.read_webhook, conditional=True, answers={_OK: schemas.Webhook}
    ),
    _webhooks(
        method="PATCH",
        path=_WEBHOOK,
        handler=handlers.change_webhook,
        conditional=True,
        body=handlers.WebhookPatch,
        answers={_OK: schemas.Webhook},
    ),
    _webhooks(method="DELETE", path=_WEBHOOK, handler=handlers.delete_webhook, conditional=True, answers=_NOTHING),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/rotate",
        handler=handlers.rotate_secret,
        body=Nothing,
        answers={_OK: schemas.NewWebhook},
    ),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/test",
        handler=handlers.test_webhook,
        links=_OF_DELIVERY,
        body=Nothing,
        answers={_ACCEPTED: schemas.WebhookDelivery},
    ),
    _webhooks(
        method="GET",
        path=f"{_WEBHOOK}/deliveries",
        handler=handlers.list_deliveries,
        query=handlers.DeliveriesQuery,
        answers={_OK: Page[schemas.WebhookDelivery]},
    ),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/redeliver",
        handler=handlers.redeliver_dead,
        body=Nothing,
        keyed=True,
        answers={_ACCEPTED: schemas.RedeliveredWebhooks},
    ),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/deliveries/{{delivery_id}}/redeliver",
        handler=handlers.redeliver,
        path_types={"delivery_id": handlers.DeliveryId},
        body=Nothing,
        keyed=True,
        answers={_ACCEPTED: schemas.WebhookDelivery},
    ),
)
