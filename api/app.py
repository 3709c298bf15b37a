"""The application: its parts, its routes. Read it from top to bottom."""

from collections.abc import AsyncIterator

import aiohttp
import aiojobs.aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from api import events, manage, operations, payments, reservations, statistics, tickets
from api.availability import Availability
from api.catalogue import Catalogue
from api.keys import AVAILABILITY, CATALOGUE, EDITOR, ENGINE, METRICS, PAYMENTS, POSTGRES, SETTINGS
from api.metrics import Metrics
from api.middleware import frame
from engine.engine import Engine
from engine.settings import Settings
from sync.catalogue import Catalogue as CatalogueEditor
from sync.gateway import HttpGateway
from sync.payments import Payments
from sync.postgres import Postgres

_TAKE_A_QUERY: frozenset[Handler] = frozenset(
    {
        events.list_events,
        tickets.list_tickets,
        reservations.list_all_reservations,
        statistics.of_events,
        statistics.of_ticket_types,
    }
)
"""Handlers that read query parameters; to any other a parameter is an error, so that a typo is not ignored."""


def create_app(settings: Settings) -> web.Application:
    """The API as an aiohttp application. Its servers are connected to when it starts."""
    app = web.Application(middlewares=[frame(_TAKE_A_QUERY)], client_max_size=settings.max_body_bytes)
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app.cleanup_ctx.append(_engine)
    app.cleanup_ctx.append(_postgres)
    app.cleanup_ctx.append(_payments)
    aiojobs.aiohttp.setup(app, limit=settings.payment_jobs, close_timeout=settings.shutdown_seconds)
    _add_routes(app)
    return app


async def _engine(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with Engine(settings, app[METRICS].observe_batch) as engine:
        app[ENGINE] = engine
        app[CATALOGUE] = Catalogue(engine.redis, settings)
        app[AVAILABILITY] = Availability(engine, settings)
        yield


async def _postgres(app: web.Application) -> AsyncIterator[None]:
    async with Postgres(app[SETTINGS]) as postgres:
        app[POSTGRES] = postgres
        app[EDITOR] = CatalogueEditor(postgres, app[ENGINE])
        yield


async def _payments(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with aiohttp.ClientSession() as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        app[PAYMENTS] = Payments(app[ENGINE], gateway)
        yield


def _add_routes(app: web.Application) -> None:
    def v1(method: str, path: str, handler: Handler) -> None:
        """A path under /v1, with and without its trailing slash."""
        _add_route(app, method, f"/v1{path}", handler)

    # What is on sale
    v1("GET", "/events", events.list_events)
    v1("GET", "/events/{event_id}", events.read_event)
    v1("GET", "/events/{event_id}/availability", events.read_availability)
    v1("GET", "/tickets", tickets.list_tickets)
    v1("GET", "/tickets/{ticket_id}", tickets.read_ticket)

    # Managing
    v1("POST", "/events", manage.create_event)
    v1("PATCH", "/events/{event_id}", manage.change_event)
    v1("POST", "/events/{event_id}/tickets", manage.add_ticket)
    v1("PATCH", "/tickets/{ticket_id}", manage.change_ticket)

    # Reservations
    v1("POST", "/reservations", reservations.create_reservation)
    v1("GET", "/reservations", reservations.list_all_reservations)
    v1("GET", "/reservations/{reservation_id}", reservations.read_reservation)
    v1("DELETE", "/reservations/{reservation_id}", reservations.cancel_reservation)
    v1("POST", "/reservations/{reservation_id}/pay", payments.pay_reservation)
    v1("POST", "/reservations/{reservation_id}/refund", payments.refund_reservation)

    # Statistics
    v1("GET", "/statistics/events", statistics.of_events)
    v1("GET", "/statistics/ticket-types", statistics.of_ticket_types)
    v1("GET", "/events/{event_id}/statistics", statistics.of_event)

    # Operations
    _add_route(app, "GET", "/healthz", operations.healthz)
    _add_route(app, "GET", "/readyz", operations.readyz)
    _add_route(app, "GET", "/metrics", operations.metrics)


def _add_route(app: web.Application, method: str, path: str, handler: Handler) -> None:
    for spelling in (path, f"{path}/"):
        if method == "GET":
            app.router.add_get(spelling, handler)  # answers HEAD too
        else:
            app.router.add_route(method, spelling, handler)
