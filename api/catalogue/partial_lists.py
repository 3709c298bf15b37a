"""Lists while a shard of a cluster is away: what can be told is shown, and a header names the missing events."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from aiohttp import web

from api.app_keys import ENGINE
from api.catalogue.stock import STOCK, Known, Watch
from api.http.replies import JSON, Reply
from engine.errors import Fault

MISSING = "Onsale-Missing-Events"
"""The header that names events whose part of Redis is away."""


async def or_partial(
    request: web.Request,
    things: Sequence[Known[Any]],
    whole: Callable[[], Any],
    body: Callable[[Sequence[Known[Any]]], bytes],
) -> Reply:
    """The whole list; in a cluster, where not all of it is known, the rest. Raises Fault if nothing is known."""
    try:
        reply: Reply = await whole()
        return reply
    except Fault as fault:
        if not request.app[ENGINE].redis.is_cluster:
            raise
        told, missing = await _told(request, things)
        if not told:
            raise fault from None
    named = ", ".join(map(str, sorted({known.event.event_id for known in missing})))
    text = body(told)
    tag = f'W/"{blake2b(text + named.encode(), digest_size=12).hexdigest()}"'
    return Reply(text, {"Content-Type": JSON, "ETag": tag, "Cache-Control": "no-store", MISSING: named})


async def _told(request: web.Request, things: Sequence[Known[Any]]) -> tuple[list[Known[Any]], list[Known[Any]]]:
    """The things that are known now, in their order, and the others."""
    stock, away = request.app[STOCK], set[int]()
    for known in things:
        partition = known.shelf.number
        if partition in away:
            continue
        try:
            await stock.look(Watch([known]), own=False)
        except Fault:
            away.add(partition)
    told = [known for known in things if known.shelf.number not in away]
    return told, [known for known in things if known.shelf.number in away]
