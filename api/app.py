"""The application: its parts, its routes. Read it from top to bottom."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import aiojobs.aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from api import callbacks, carts, events, manage, operations, payments, reservations, seats, statistics, tickets, venues
from api.availability import Availability
from api.catalogue import Catalogue
from api.framing import Frame, nothing_here
from api.keys import AVAILABILITY, CARTS, CATALOGUE, EDITOR, ENGINE, METRICS, PAYMENTS, POSTGRES, SETTINGS, VENUES
from api.loop_lag import watch_loop_lag
from api.metrics import Metrics
from engine.engine import Engine
from engine.settings import Settings
from sync.carts import CartPayments
from sync.catalogue import Catalogue as CatalogueEditor
from sync.gateway import HttpGateway
from sync.payments import Payments
from sync.postgres import Postgres
from sync.venues import Venues

_TAKE_A_QUERY: frozenset[Handler] = frozenset(
    {
        events.list_events,
        tickets.list_tickets,
        venues.list_venues,
        seats.read_seats,
        reservations.list_all_reservations,
        statistics.of_events,
        statistics.of_ticket_types,
    }
)
"""Handlers that read query parameters; to any other a parameter is an error, so that a typo is not ignored."""


def create_app(settings: Settings) -> web.Application:
    """The API as an aiohttp application. Its servers are connected to when it starts."""
    app = web.Application(client_max_size=settings.max_body_bytes)
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app.cleanup_ctx.append(_loop_lag)
    app.cleanup_ctx.append(_engine)
    app.cleanup_ctx.append(_postgres)
    app.cleanup_ctx.append(_payments)
    aiojobs.aiohttp.setup(app, limit=settings.payment_jobs, close_timeout=settings.shutdown_seconds)
    _add_routes(app)
    return app


async def _loop_lag(app: web.Application) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(watch_loop_lag(app[METRICS].loop_lag_seconds))
        yield
        watch.cancel()


async def _engine(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with Engine(settings, app[METRICS].observe_batch) as engine:
        app[ENGINE] = engine
        app[CATALOGUE] = Catalogue(engine.redis, settings)
        app[AVAILABILITY] = Availability(engine, settings)
        app[CARTS] = CartPayments(engine)
        yield


async def _postgres(app: web.Application) -> AsyncIterator[None]:
    async with Postgres(app[SETTINGS]) as postgres:
        app[POSTGRES] = postgres
        app[VENUES] = Venues(postgres, app[ENGINE])
        app[EDITOR] = CatalogueEditor(postgres, app[ENGINE])
        yield


async def _payments(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with aiohttp.ClientSession() as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        app[PAYMENTS] = Payments(app[ENGINE], gateway)
        yield


def _add_routes(app: web.Application) -> None:
    frame = Frame(app[METRICS])

    def route(method: str, path: str, handler: Handler) -> None:
        """A path with and without its trailing slash."""
        framed = frame.around(handler, path, takes_a_query=handler in _TAKE_A_QUERY)
        for spelling in (path, f"{path}/"):
            if method == "GET":
                app.router.add_get(spelling, framed)  # answers HEAD too
            else:
                app.router.add_route(method, spelling, framed)

    def v1(method: str, path: str, handler: Handler) -> None:
        route(method, f"/v1{path}", handler)

    # What is on sale
    v1("GET", "/events", events.list_events)
    v1("GET", "/events/{event_id}", events.read_event)
    v1("GET", "/events/{event_id}/availability", events.read_availability)
    v1("GET", "/tickets", tickets.list_tickets)
    v1("GET", "/tickets/{ticket_id}", tickets.read_ticket)
    v1("GET", "/venues", venues.list_venues)
    v1("GET", "/venues/{venue_id}", venues.read_venue)
    v1("GET", "/venues/{venue_id}/sections", venues.list_sections)
    v1("GET", "/events/{event_id}/sections/{section_id}/seats", seats.read_seats)

    # Managing
    v1("POST", "/events", manage.create_event)
    v1("PATCH", "/events/{event_id}", manage.change_event)
    v1("POST", "/events/{event_id}/tickets", manage.add_ticket)
    v1("PATCH", "/tickets/{ticket_id}", manage.change_ticket)
    v1("POST", "/venues", venues.create_venue)
    v1("PATCH", "/events/{event_id}/seats", seats.block_seats)

    # Reservations
    v1("POST", "/reservations", reservations.create_reservation)
    v1("GET", "/reservations", reservations.list_all_reservations)
    v1("GET", "/reservations/{reservation_id}", reservations.read_reservation)
    v1("DELETE", "/reservations/{reservation_id}", reservations.cancel_reservation)
    v1("POST", "/reservations/{reservation_id}/pay", payments.pay_reservation)
    v1("POST", "/reservations/{reservation_id}/refund", payments.refund_reservation)

    # Carts and payments
    cart = "/orders/carts/{cart_id}"
    v1("GET", cart, carts.read_cart)
    v1("POST", cart, carts.add_to_cart)
    v1("DELETE", f"{cart}/events/{{event_id}}/seats/{{seat_id}}", carts.remove_from_cart)
    v1("PUT", f"{cart}/book", carts.book_cart)
    v1("GET", "/payments/{payment_id}", callbacks.read_payment)
    v1("POST", "/payments/{payment_id}/complete", callbacks.complete_payment)
    v1("POST", "/payments/{payment_id}/failed", callbacks.fail_payment)

    # Statistics
    v1("GET", "/statistics/events", statistics.of_events)
    v1("GET", "/statistics/ticket-types", statistics.of_ticket_types)
    v1("GET", "/events/{event_id}/statistics", statistics.of_event)

    # Operations
    route("GET", "/healthz", operations.healthz)
    route("GET", "/readyz", operations.readyz)
    route("GET", "/metrics", operations.metrics)

    app.router.add_route("*", "/{nothing:.*}", frame.around(nothing_here, "unrouted", takes_a_query=True))
