"""Routes of the storefront."""

from functools import partial
from http import HTTPStatus

from api.http.problems import Code
from api.http.types import OpaqueId
from api.route import Route
from api.shop import handlers

_OK = HTTPStatus.OK

_shop = partial(Route, method="GET", tag="Operations", roles=None, refusals=(Code.NOT_FOUND,))
_page = partial(_shop, answers={_OK: str}, media=("text/html",), cached=True)

ROUTES: tuple[Route, ...] = (
    _shop(path="/", handler=handlers.read_root, answers={HTTPStatus.FOUND: None}),
    _page(path="/shop", handler=handlers.read_shop),
    _page(path="/shop/events/{event_id}", handler=handlers.read_shop_event),
    _page(path="/shop/orders/{order_id}", handler=handlers.read_shop_order, path_types={"order_id": OpaqueId}),
    _page(path="/shop/queue/{event_id}", handler=handlers.read_shop_queue),
    _shop(path="/shop/settings", handler=handlers.read_shop_settings, answers={_OK: handlers.ShopSettings}),
    _shop(
        path="/shop/assets/{shop_asset}",
        handler=handlers.read_shop_asset,
        path_types={"shop_asset": handlers.ShopAsset},
        answers={_OK: bytes},
        media=("text/css", "text/javascript", "application/json"),
        cached=True,
    ),
)
