"""Keys of the application's parts: the only names by which handlers find them."""

from typing import TYPE_CHECKING

from aiohttp import web

from engine.engine import Engine
from engine.limits import LimitsInForce
from engine.settings import Settings
from payments.carts import CartPayments
from payments.payments import Payments
from sync.catalogue.editor import CatalogueEditor
from sync.catalogue.venues import Venues
from sync.codes.editor import CodeEditor
from sync.postgres import Postgres
from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.endpoints import Webhooks

if TYPE_CHECKING:
    pass

SETTINGS = web.AppKey("settings", Settings)
LIMITS = web.AppKey("limits", LimitsInForce)
ENGINE = web.AppKey("engine", Engine)
POSTGRES = web.AppKey("postgres", Postgres)
EDITOR = web.AppKey("editor", CatalogueEditor)
CODES = web.AppKey("codes", CodeEditor)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
ALLOWED_ADDRESSES = web.AppKey("addresses", AllowedAddresses)
VENUES = web.AppKey("venues", Venues)
CARTS = web.AppKey("carts", CartPayments)
PAYMENTS = web.AppKey("payments", Payments)
