"""Where the application keeps its parts: the only names by which handlers find them."""

from typing import TYPE_CHECKING

from aiohttp import web

from engine.engine import Engine
from engine.settings import Settings
from sync.carts import CartPayments
from sync.catalogue import Catalogue as CatalogueEditor
from sync.payments import Payments
from sync.postgres import Postgres
from sync.venues import Venues
from sync.webhooks.addresses import Addresses
from sync.webhooks.endpoints import Webhooks

if TYPE_CHECKING:
    from api.admission import Admission
    from api.availability import Availability
    from api.catalogue import Catalogue
    from api.metrics import Metrics
    from api.signatures import CallbackSignatures

SETTINGS = web.AppKey("settings", Settings)
ENGINE = web.AppKey("engine", Engine)
POSTGRES = web.AppKey("postgres", Postgres)
EDITOR = web.AppKey("editor", CatalogueEditor)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
ADDRESSES = web.AppKey("addresses", Addresses)
VENUES = web.AppKey("venues", Venues)
CARTS = web.AppKey("carts", CartPayments)
PAYMENTS = web.AppKey("payments", Payments)
CATALOGUE: web.AppKey["Catalogue"] = web.AppKey("catalogue")
AVAILABILITY: web.AppKey["Availability"] = web.AppKey("availability")
CALLBACK_SIGNATURES: web.AppKey["CallbackSignatures"] = web.AppKey("callback_signatures")
DOCUMENT = web.AppKey("document", bytes)
ADMISSION: web.AppKey["Admission"] = web.AppKey("admission")
METRICS: web.AppKey["Metrics"] = web.AppKey("metrics")
