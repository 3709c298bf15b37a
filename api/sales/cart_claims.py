"""Claims: a customer takes a cart over that a service began for no customer."""

from typing import Any, ClassVar

import msgspec
from aiohttp import web

from api.access.callers import caller_of
from api.access.named_customer import CustomerBody
from api.app_keys import ENGINE
from api.engine_problems import problem_of
from api.http.replies import Reply, json_reply
from api.http.requests import read_body
from api.sales.cart_view import check_events_of_cart, not_joined, path_cart_id, show_cart
from engine.carts import Cart, CartState
from engine.results.payments import PaymentSettled
from payments.cart_items import CartItems, NotJoined


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/orders/carts/{cart_id}/claim. A customer needs none: its token says who it is."""

    customer: CustomerBody | None = None

    EXAMPLE: ClassVar[Any] = {"customer": {"id": "22"}}


_CLAIM = msgspec.json.Decoder(ClaimBody)


async def claim_cart(request: web.Request) -> Reply:
    """POST /v1/orders/carts/{cart_id}/claim: makes a cart that was begun for no customer the caller's; again: the same.

    All that is in it counts for the customer, or nothing changes.
    """
    cart_id = path_cart_id(request)
    body = await read_body(request, _CLAIM) if request.body_exists else ClaimBody()
    await check_events_of_cart(request, cart_id)
    named = body.customer.id or None if body.customer else None
    customer_id = caller_of(request).acts_for(named, "customer.id" if body.customer else "customer")
    claimed = await CartItems(request.app[ENGINE], "").claim(cart_id, customer_id)
    match claimed:
        case Cart():
            return json_reply(await show_cart(request, claimed))
        case NotJoined(cart=Cart(state=CartState.FAILED)):
            raise problem_of(PaymentSettled())
        case NotJoined():
            raise not_joined(claimed)
        case _:
            raise problem_of(claimed)
