"""The same hold on Postgres alone, without the limit per customer and without deadlines that give anything back.

For gunicorn. A bare aiohttp application. One statement, which is one transaction, takes the places and writes the hold.
So there is one round trip, and the row of the pool is locked for the shortest time.
"""

import os
from collections.abc import AsyncIterator

import asyncpg
import msgspec
from aiohttp import web

from api.http.replies import json_reply
from api.http.times import milliseconds
from api.sales.reservations import NewReservation
from api.sales.views import reservation_view
from cli.gc_tuning import collect_rarely
from engine.ids import new_reservation_id
from engine.records import Line, Record
from engine.settings import load_settings
from engine.words import State
from loadtest.bench.stock import bench_event

CONNECTIONS_VARIABLE = "BENCH_POSTGRES_CONNECTIONS"
"""The environment variable that says how many connections there are."""

_TIMEOUT_SECONDS = 10

_HOLD = """
WITH taken AS (
  UPDATE bench_pools SET available = available - $2 WHERE id = $1 AND available >= $2 RETURNING id
)
INSERT INTO bench_holds (id, pool_id, customer_id, details, quantity, created_at, expires_at)
SELECT $3, taken.id, $4, $5, $2, now(), now() + $6 * interval '1 second' FROM taken
RETURNING created_at, expires_at
"""

_DECODER = msgspec.json.Decoder(NewReservation)
_EVENT = bench_event()
_POOL: web.AppKey["asyncpg.Pool[asyncpg.Record]"] = web.AppKey("pool")


async def make_app() -> web.Application:
    """The application; Postgres is that of ONSALE_POSTGRES_URL."""
    app = web.Application()
    app.cleanup_ctx.append(_connected)
    app.router.add_post("/v1/reservations", _hold)
    collect_rarely()
    return app


async def _connected(app: web.Application) -> AsyncIterator[None]:
    settings = load_settings(os.environ)
    connections = int(os.environ[CONNECTIONS_VARIABLE])
    async with asyncpg.create_pool(
        settings.postgres_url,
        min_size=connections,
        max_size=connections,
        command_timeout=_TIMEOUT_SECONDS,
    ) as pool:
        app[_POOL] = pool
        yield


async def _hold(request: web.Request) -> web.Response:
    body = _DECODER.decode(await request.read())
    customer, (item,) = body.customer, body.items
    ticket = _EVENT.tickets[0]
    reservation_id = new_reservation_id(_EVENT.event_id)
    details = msgspec.json.encode({"first_name": customer.first_name, "last_name": customer.last_name}).decode()
    row = await request.app[_POOL].fetchrow(
        _HOLD, item.ticket_id, item.quantity, reservation_id, customer.id or "", details, _EVENT.hold_seconds
    )
    if row is None:
        raise web.HTTPConflict
    created_ms, deadline_ms = milliseconds(row["created_at"]), milliseconds(row["expires_at"])
    lines = [Line(item.ticket_id, ticket.pools[0], item.quantity or 0, ticket.unit_minor)]
    record = Record(State.HELD, _EVENT.event_id, customer.id or "", details, created_ms, deadline_ms, 0, "", lines, [])
    view = reservation_view(reservation_id, record, _EVENT, None, created_ms, as_taken=True)
    return json_reply(view, status=201, headers={"Location": f"/v1/reservations/{reservation_id}"}).in_full()
