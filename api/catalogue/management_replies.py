"""Answers to changes of events."""

from aiohttp import web

from api.catalogue.cache import CATALOGUE
from api.catalogue.stock import STOCK
from api.catalogue.views import event_view
from api.engine_problems import problem_of
from api.http.entity_tags import precondition_failed, revised_reply
from api.http.problems import Problem
from api.http.replies import Reply, no_content
from api.http.times import wall_clock_ms
from engine.catalogue import EventSnapshot
from engine.results.events import InUse
from sync.catalogue.refusals import OtherRevision


async def event_reply(request: web.Request, event: EventSnapshot, *, status: int = 200) -> Reply:
    """An event as it was just changed, with its counts now."""
    await request.app[CATALOGUE].refresh_everywhere()
    counts = await request.app[STOCK].exact(event.event_id)
    location = f"/v1/events/{event.event_id}" if status == 201 else None
    return revised_reply(
        request, event_view(event, counts, wall_clock_ms()), event.revision, status=status, location=location
    )


async def deletion_reply(
    request: web.Request, what: str, deleted: InUse | OtherRevision | EventSnapshot | None, none: Problem
) -> Reply:
    """The answer to a deletion, which every process knows by then. Raises Problem."""
    match deleted:
        case None:
            raise none
        case InUse():
            raise problem_of(deleted)
        case OtherRevision():
            raise precondition_failed(what)
        case EventSnapshot():
            await request.app[CATALOGUE].refresh_everywhere()
            return no_content()
