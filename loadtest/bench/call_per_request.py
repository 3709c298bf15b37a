"""The same hold with one FCALL per request, as one would write it first: a pool of connections, no group commit.

For gunicorn. A bare aiohttp application: no middleware, no idempotency, the event is known.
"""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
from aiohttp import web

from api.http.replies import json_reply
from api.sales.reservations import NewReservation
from api.sales.views import reservation_view
from cli.gc_tuning import collect_rarely
from engine.client import Redis
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.ids import new_reservation_id
from engine.redis_keys import PartitionKeys, partition_of
from engine.results.any_result import ANY_RESULT
from engine.results.holds import Held
from engine.server import connect
from engine.settings import load_settings
from loadtest.bench.stock import bench_event

_CONNECTIONS = 64
_ARCHIVE_MS = 86_400_000
_BOOKING_MS = 28_800_000
_SWEEP_SLICE = 128
_MEMORY_PERCENT = 90

_DECODER = msgspec.json.Decoder(NewReservation)
_PARTS = msgspec.msgpack.Decoder(list[msgspec.Raw])
_RESULT = msgspec.msgpack.Decoder(ANY_RESULT)
_EVENT = bench_event()
_KEYS = PartitionKeys(partition_of(_EVENT.event_id, 16))
_REDIS: web.AppKey[Redis] = web.AppKey("redis")


async def make_app() -> web.Application:
    """The application; Redis is that of ONSALE_REDIS_URL."""
    app = web.Application()
    app.cleanup_ctx.append(_connected)
    app.router.add_post("/v1/reservations", _hold)
    collect_rarely()
    return app


async def _connected(app: web.Application) -> AsyncIterator[None]:
    async with aclosing(connect(load_settings(os.environ), _CONNECTIONS)) as redis:
        app[_REDIS] = redis
        yield


async def _hold(request: web.Request) -> web.Response:
    body = _DECODER.decode(await request.read())
    customer = body.customer
    reservation_id = new_reservation_id(_EVENT.event_id)
    details = msgspec.json.encode({"first_name": customer.first_name, "last_name": customer.last_name}).decode()
    items = [(item.ticket_id, item.quantity or 0) for item in body.items]
    command = Hold(reservation_id, _EVENT.event_id, customer.id or "", details, "", items_text(items))
    reply = await request.app[_REDIS].execute_command(
        "FCALL",
        "onsale_run",
        len(_KEYS.fixed) + 1,
        *_KEYS.fixed,
        _KEYS.hold(reservation_id),
        msgspec.msgpack.encode([command]),
        _SWEEP_SLICE,
        _ARCHIVE_MS,
        _BOOKING_MS,
        b"",
        0,
        b"",
        _MEMORY_PERCENT,
    )
    held = _RESULT.decode(_PARTS.decode(reply)[0])  # what the call took comes after it
    if not isinstance(held, Held):
        raise web.HTTPConflict
    view = reservation_view(reservation_id, held.record, _EVENT, None, held.now_ms, as_taken=True)
    return json_reply(view, status=201, headers={"Location": f"/v1/reservations/{reservation_id}"}).in_full()
