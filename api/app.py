"""The application: its parts, its routes. Read it from top to bottom."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import groupby

import aiohttp
import aiojobs.aiohttp
from aiohttp import web

from api.access.callback_signatures import CALLBACK_SIGNATURES, CallbackSignatures
from api.access.code_guesses import CODE_GUESSES, CodeGuesses
from api.admission import ADMISSION, Admission
from api.app_keys import (
    ALLOWED_ADDRESSES,
    CARTS,
    CODES,
    EDITOR,
    ENGINE,
    LIMITS,
    PAYMENTS,
    POSTGRES,
    SETTINGS,
    VENUES,
    WEBHOOKS,
)
from api.catalogue.cache import CATALOGUE, CatalogueCache
from api.catalogue.pages import PUBLIC_PAGES, PublicPages
from api.catalogue.routes import PAGES
from api.catalogue.stock import STOCK, Stock
from api.console.now import now_board
from api.direct.connection import DirectConnection, is_proved
from api.direct.holds import DirectHolds
from api.direct.pages import DirectPages, PageSource
from api.docs.handlers import DOCUMENT
from api.doors.documents import DOCUMENTS, DocumentCache
from api.doors.metrics import DOORS_METRICS, DoorsMetrics
from api.event_loop_lag import watch_event_loop_lag
from api.frame import FALLBACK, Frame
from api.http.cached_pages import CachedPage
from api.http.compression import COMPRESS_BYTES
from api.http.server import CONNECTION, Application, Everything, MakeConnection, expect
from api.http.static_files import PAGE_SECONDS
from api.idempotency import KEY_TURNS, KeyTurns
from api.live.metrics import StreamMetrics
from api.live.streams import STREAMS, Streams
from api.metrics import METRICS, Metrics
from api.openapi.document import encoded_document
from api.operations.handlers import READINESS, ReadinessCheck
from api.queue.delays import DELAYS, AnswerDelays
from api.queue.metrics import QueueMetrics
from api.queue.pages import RoomPages
from api.queue.rooms import ROOMS, Rooms
from api.queue.routes import PAGES as ROOM_PAGES
from api.request_log import RequestLog
from api.route import Route
from api.routes import ROUTES
from api.sales.held_texts import HELD_TEXTS, HeldTexts
from api.sales.reservations import create_reservation
from api.timed.slots import SLOT_PAGES, SlotPages
from engine.engine import Engine
from engine.limits import LimitsInForce
from engine.results.result import Result
from engine.settings import Settings, listed
from engine.tracing import Tracer, open_tracer
from payments.gateway import HttpGateway
from payments.payments import Payments
from sync.catalogue.editor import CatalogueEditor
from sync.catalogue.stored import StoredCatalogue
from sync.catalogue.venues import Venues
from sync.codes.editor import CodeEditor
from sync.postgres import Postgres
from sync.webhooks.allowed_addresses import AllowedAddresses
from sync.webhooks.endpoints import Webhooks

_LINGER_SECONDS = 0.1
"""The time for which the rest of a refused body is read and discarded, so that its sender sees the refusal."""


def create_app(settings: Settings, routes: tuple[Route, ...] = ROUTES) -> web.Application:
    """The API as an aiohttp application, with these routes. Its servers are connected to when it starts.

    Raises Misconfigured for settings that leave open who may ask.
    """
    app = Application(
        client_max_size=settings.max_body_bytes,
        handler_args={"lingering_time": _LINGER_SECONDS, "auto_decompress": False},
    )
    app[SETTINGS] = settings
    app[COMPRESS_BYTES] = settings.compress_bytes
    app[LIMITS] = LimitsInForce(settings)
    app[METRICS] = Metrics()
    app[DELAYS] = AnswerDelays()
    app[ALLOWED_ADDRESSES] = AllowedAddresses.of(settings)
    app[ADMISSION] = Admission(settings)
    app[KEY_TURNS] = KeyTurns()
    app[CODE_GUESSES] = CodeGuesses(settings)
    app[READINESS] = ReadinessCheck()
    app[DOORS_METRICS] = DoorsMetrics(app[METRICS].registry)
    app[DOCUMENTS] = DocumentCache(settings.document_cache_bytes)
    requests, tracer = RequestLog(), open_tracer(settings, "onsale-api")
    if tracer is not None:
        app.cleanup_ctx.append(partial(_tracer, tracer))
    app.cleanup_ctx.append(_loop_lag)
    app.cleanup_ctx.append(partial(_request_log, requests))
    app.cleanup_ctx.append(_admission)
    app.cleanup_ctx.append(partial(_engine, any(route.limited for route in routes), tracer))
    app.cleanup_ctx.append(_postgres)
    app.cleanup_ctx.append(_payments)
    app.cleanup_ctx.append(_streams)
    app.cleanup_ctx.append(now_board)
    app.on_shutdown.append(_close_streams)
    aiojobs.aiohttp.setup(app, limit=settings.payment_jobs, close_timeout=settings.shutdown_seconds)
    app[DOCUMENT] = CachedPage(encoded_document(routes), max_age=PAGE_SECONDS)
    frame = Frame(app[METRICS], app[ADMISSION], settings, app[LIMITS], requests, tracer)
    _add_routes(app, routes, frame)
    direct = [route for route in routes if route.handler is create_reservation]
    if direct and settings.direct_requests and is_proved():
        app.cleanup_ctx.append(partial(_direct_requests, direct[0], frame, tracer))
    return app


async def _loop_lag(app: web.Application) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        metrics, delays = app[METRICS], app[DELAYS]

        def observe(seconds: float) -> None:
            metrics.loop_lag_seconds.observe(seconds)
            delays.note_lag(seconds)

        watch = tasks.create_task(watch_event_loop_lag(observe, metrics.publish))
        yield
        watch.cancel()


async def _request_log(requests: RequestLog, _app: web.Application) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(requests.tell_every_second())
        yield
        telling.cancel()


async def _admission(app: web.Application) -> AsyncIterator[None]:
    async with app[ADMISSION]:
        yield


async def _tracer(tracer: Tracer, _app: web.Application) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(tracer.close)


async def _engine(limits: bool, tracer: Tracer | None, app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    # Who takes nothing publishes no limits.
    metrics, delays = app[METRICS], app[DELAYS]

    def observe(results: list[Result], waited: float, took: float) -> None:
        metrics.observe_batch(results, waited, took)
        delays.note_answer(waited + took)

    tell_lost = metrics.acknowledged_lost.inc
    async with Engine(settings, observe, app[LIMITS] if limits else None, tracer, tell_lost) as engine:
        app[ENGINE] = engine
        app[ROOMS] = Rooms(engine, delays, QueueMetrics(metrics.registry))

        def stored() -> StoredCatalogue | None:
            return StoredCatalogue(app[POSTGRES]) if POSTGRES in app else None

        app[CALLBACK_SIGNATURES] = CallbackSignatures(listed(settings.callback_secrets), engine)
        async with CatalogueCache(engine.redis, settings, stored) as catalogue, Stock(engine, settings) as stock:
            app[CATALOGUE], app[STOCK] = catalogue, stock
            app[PUBLIC_PAGES] = PublicPages(catalogue, stock, settings)
            app[HELD_TEXTS] = HeldTexts()
            app[SLOT_PAGES] = SlotPages(engine, settings)
            yield


async def _postgres(app: web.Application) -> AsyncIterator[None]:
    async with Postgres(app[SETTINGS]) as postgres:
        app[POSTGRES] = postgres
        app[VENUES] = Venues(postgres, app[ENGINE])
        app[WEBHOOKS] = Webhooks(postgres)
        app[EDITOR] = CatalogueEditor(postgres, app[ENGINE])
        app[CODES] = CodeEditor(postgres, app[ENGINE])
        yield


async def _payments(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=settings.payment_jobs)) as session:
        gateway = HttpGateway(session, settings.gateway_url, settings.gateway_timeout_ms / 1000)
        app[PAYMENTS] = Payments(app[ENGINE], gateway, app[METRICS].observe_payment)
        app[CARTS] = app[PAYMENTS].carts
        yield


async def _streams(app: web.Application) -> AsyncIterator[None]:
    async with Streams(app[SETTINGS], StreamMetrics(app[METRICS].registry)) as streams:
        app[STREAMS] = streams
        yield


async def _close_streams(app: web.Application) -> None:
    """Streams live on their own: without this the end would not come to them before their server is gone."""
    app[STREAMS].close_all()


async def _direct_requests(
    route: Route, frame: Frame, tracer: Tracer | None, app: web.Application
) -> AsyncIterator[None]:
    holds = DirectHolds(app, route, frame, app[ADMISSION].known_of(route), app[CATALOGUE], app[ENGINE], tracer)
    rooms = RoomPages(app[CATALOGUE], app[ROOMS], app[SETTINGS])
    sources: list[tuple[Route, PageSource]] = [
        *((each, app[PUBLIC_PAGES]) for each in PAGES),
        *((each, rooms) for each in ROOM_PAGES),
    ]
    pages = DirectPages(app, frame, app[ADMISSION], sources)
    make: MakeConnection = partial(DirectConnection, holds, pages)
    app[CONNECTION] = make
    yield


def _add_routes(app: web.Application, routes: Sequence[Route], frame: Frame) -> None:
    """Each path with and without its trailing slash.

    A parameter may be any text: braces too, which aiohttp leaves out. A path has one resource for methods that follow
    each other in `routes`: aiohttp looks only at the last one that was added.
    """
    for path, same_path in groupby(routes, key=lambda route: route.path.replace("}", ":[^/]+}")):
        handlers = [(route.method, frame.around(route)) for route in same_path]
        for spelling in (path, f"{path}/"):
            for method, framed in handlers:
                if method == "GET":
                    app.router.add_get(spelling, framed, expect_handler=expect)  # answers HEAD too
                else:
                    app.router.add_route(method, spelling, framed, expect_handler=expect)
    everything = Everything()
    app.router.register_resource(everything)
    everything.add_route(FALLBACK.method, frame.around(FALLBACK), expect_handler=expect)
