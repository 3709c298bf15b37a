"""The storefront: pages on which people buy. All that they do is calls of the API, as the person in front of them."""

from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import msgspec
from aiohttp import web

from api.app_keys import SETTINGS
from api.http.problems import not_found
from api.http.replies import Reply, json_reply
from api.http.requests import path_id
from api.http.static_files import PAGE_SECONDS, file_reply
from engine.settings import Settings

ShopAsset = Literal[
    "shop.css",
    "list.css",
    "event.css",
    "hall.css",
    "basket.css",
    "order.css",
    "waiting_room.css",
    "print.css",
    "main.js",
    "customer.js",
    "problems.js",
    "poster.js",
    "list_page.js",
    "event_page.js",
    "tickets.js",
    "codes.js",
    "slots.js",
    "bookings.js",
    "waiting_list.js",
    "hall.js",
    "section.js",
    "seat_list.js",
    "basket.js",
    "basket_panel.js",
    "checkout.js",
    "order_page.js",
    "etickets.js",
    "calendar.js",
    "waiting_room.js",
    "proof.js",
    "order.js",
    "en.json",
    "de.json",
]
"""The files of the pages."""

_FOLDER = Path(__file__).parent / "page"
_ONLY_OURS = (
    "default-src 'self'; img-src 'self' https: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy: a browser asks nobody else, but for the pictures of events (`image_url`)."""


class ShopSettings(msgspec.Struct, frozen=True):
    """The settings of the storefront. `payment_page`: where buyers pay; null if the gateway has no such page.

    `auth`: `off` if no token is needed.
    """

    payment_page: str | None
    auth: Literal["jwt", "off"]

    EXAMPLE: ClassVar[Any] = {"payment_page": "http://127.0.0.1:8090/pay", "auth": "off"}


async def read_root(request: web.Request) -> Reply:
    """GET /: leads to the storefront, where there is one."""
    _check_shop(request)
    return Reply(b"", {"Location": "/shop"}, 302)


async def read_shop(request: web.Request) -> web.StreamResponse:
    """GET /shop: serves the storefront, if authentication is off or the settings enable it."""
    return _file(request, "page.html")


async def read_shop_event(request: web.Request) -> web.StreamResponse:
    """GET /shop/events/{event_id}: serves the same page, which shows an event."""
    path_id(request, "event_id", "event")
    return _file(request, "page.html")


async def read_shop_order(request: web.Request) -> web.StreamResponse:
    """GET /shop/orders/{order_id}: serves the same page, which shows a purchase, by the id of its payment or hold."""
    return _file(request, "page.html")


async def read_shop_queue(request: web.Request) -> web.StreamResponse:
    """GET /shop/queue/{event_id}: serves a page on which a customer waits, on the same terms."""
    path_id(request, "event_id", "event")
    return _file(request, "waiting_room.html")


async def read_shop_settings(request: web.Request) -> Reply:
    """GET /shop/settings: reads what the pages need to know of this server."""
    settings = _check_shop(request)
    return json_reply(ShopSettings(settings.payment_page or None, settings.auth))


async def read_shop_asset(request: web.Request) -> web.StreamResponse:
    """GET /shop/assets/{shop_asset}: serves a file of these pages."""
    asset = request.match_info["shop_asset"]
    if asset not in get_args(ShopAsset):
        raise not_found("such part of the page")
    return _file(request, asset)


def _file(request: web.Request, name: str) -> web.FileResponse:
    """Its parts belong together, so they are kept no longer than the page. Raises Problem not_found."""
    _check_shop(request)
    return file_reply(_FOLDER / name, PAGE_SECONDS, _ONLY_OURS)


def _check_shop(request: web.Request) -> Settings:
    """The settings of a server that has a storefront. Raises Problem not_found."""
    settings = request.app[SETTINGS]
    if settings.auth != "off" and not settings.shop:
        raise not_found("storefront; ONSALE_SHOP=true shows it")
    return settings
