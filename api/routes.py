"""The routes of the API: one table, which the router, the frame, the OpenAPI document and the tests read."""

from api.assets.routes import ROUTES as ASSETS
from api.audit_log.routes import ROUTES as AUDIT_LOG
from api.catalogue.routes import ROUTES as CATALOGUE
from api.codes.routes import ROUTES as CODES
from api.console.routes import ROUTES as CONSOLE
from api.customers.routes import ROUTES as CUSTOMERS
from api.dead_letters.routes import ROUTES as DEAD_LETTERS
from api.dev_tokens.routes import ROUTES as DEV_TOKENS
from api.docs.routes import ROUTES as DOCS
from api.doors.routes import ROUTES as DOORS
from api.holds.routes import ROUTES as HOLDS
from api.live.routes import ROUTES as LIVE
from api.operations.routes import ROUTES as OPERATIONS
from api.queue.routes import ROUTES as QUEUE
from api.route import Route
from api.sales.routes import ROUTES as SALES
from api.shop.routes import ROUTES as SHOP
from api.statistics.routes import ROUTES as STATISTICS
from api.timed.routes import ROUTES as TIMED
from api.waiting.routes import ROUTES as WAITING
from api.webhooks.routes import ROUTES as WEBHOOKS

ROUTES: tuple[Route, ...] = (
    *CATALOGUE,
    *SALES,
    *HOLDS,
    *TIMED,
    *QUEUE,
    *CODES,
    *DOORS,
    *WAITING,
    *LIVE,
    *STATISTICS,
    *AUDIT_LOG,
    *CUSTOMERS,
    *WEBHOOKS,
    *DEAD_LETTERS,
    *OPERATIONS,
    *DOCS,
    *SHOP,
    *CONSOLE,
    *ASSETS,
)
"""All routes, in the order of the contract."""

STREAM_ROUTES: tuple[Route, ...] = (*LIVE, *OPERATIONS)
"""The routes of a process that serves streams alone."""

DEV_ROUTES: tuple[Route, ...] = (*ROUTES, *DEV_TOKENS)
"""The routes of `onsale dev --auth jwt`, which gives tokens to anybody."""
