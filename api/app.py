"""The application: its parts, its routes. Read it from top to bottom."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import aiojobs.aiohttp
import msgspec
from aiohttp import web

from api.admission import Admission
from api.availability import Availability
from api.catalogue import Catalogue
from api.framing import NOWHERE, Frame
from api.keys import (
    ADDRESSES,
    ADMISSION,
    AVAILABILITY,
    CALLBACK_SIGNATURES,
    CARTS,
    CATALOGUE,
    DOCUMENT,
    EDITOR,
    ENGINE,
    METRICS,
    PAYMENTS,
    POSTGRES,
    SETTINGS,
    VENUES,
    WEBHOOKS,
)
from api.loop_lag import watch_loop_lag
from api.metrics import Metrics
from api.openapi import openapi_document
from api.routes import ROUTES
from api.signatures import CallbackSignatures
from engine.engine import Engine
from engine.settings import Settings
from sync.catalogue import Catalogue as CatalogueEditor
from sync.gateway import HttpGateway
from sync.payments import Payments
from sync.postgres import Postgres
from sync.venues import Venues
from sync.webhooks.addresses import Addresses
from sync.webhooks.endpoints import Webhooks

_LINGER_SECONDS = 0.1
"""For how long the rest of a refused body is read and thrown away, so that its sender gets to see the refusal."""


def create_app(settings: Settings) -> web.Application:
    """The API as an aiohttp application. Its servers are connected to when it starts.

    Raises Misconfigured for settings that leave open who may ask.
    """
    app = web.Application(client_max_size=settings.max_body_bytes, handler_args={"lingering_time": _LINGER_SECONDS})
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app[ADDRESSES] = Addresses(settings.webhook_networks)
    app[ADMISSION] = Admission(settings)
    app.cleanup_ctx.append(_loop_lag)
    app.cleanup_ctx.append(_admission)
    app.cleanup_ctx.append(_engine)
    app.cleanup_ctx.append(_postgres)
    app.cleanup_ctx.append(_payments)
    aiojobs.aiohttp.setup(app, limit=settings.payment_jobs, close_timeout=settings.shutdown_seconds)
    app[DOCUMENT] = msgspec.json.encode(openapi_document(ROUTES))
    _add_routes(app)
    return app


async def _loop_lag(app: web.Application) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(watch_loop_lag(app[METRICS].loop_lag_seconds))
        yield
        watch.cancel()


async def _admission(app: web.Application) -> AsyncIterator[None]:
    async with app[ADMISSION]:
        yield


async def _engine(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with Engine(settings, app[METRICS].observe_batch) as engine:
        app[ENGINE] = engine
        app[CATALOGUE] = Catalogue(engine.redis, settings)
        app[AVAILABILITY] = Availability(engine, settings)
        app[CALLBACK_SIGNATURES] = CallbackSignatures(settings.callback_secrets.split(), engine)
        yield


async def _postgres(app: web.Application) -> AsyncIterator[None]:
    async with Postgres(app[SETTINGS]) as postgres:
        app[POSTGRES] = postgres
        app[VENUES] = Venues(postgres, app[ENGINE])
        app[WEBHOOKS] = Webhooks(postgres)
        app[EDITOR] = CatalogueEditor(postgres, app[ENGINE])
        yield


async def _payments(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=settings.payment_jobs)) as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        app[PAYMENTS] = Payments(app[ENGINE], gateway, app[METRICS].observe_payment)
        app[CARTS] = app[PAYMENTS].carts
        yield


def _add_routes(app: web.Application) -> None:
    """Each path with and without its trailing slash."""
    frame = Frame(app[METRICS], app[ADMISSION], app[SETTINGS])
    for route in ROUTES:
        framed = frame.around(route)
        for spelling in (route.path, f"{route.path}/"):
            if route.method == "GET":
                app.router.add_get(spelling, framed)  # answers HEAD too
            else:
                app.router.add_route(route.method, spelling, framed)
    app.router.add_route(NOWHERE.method, NOWHERE.path, frame.around(NOWHERE))
