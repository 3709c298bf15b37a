"""The list of dead letters."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from api.app_keys import POSTGRES
from api.dead_letters.schemas import DeadLetter
from api.http.pagination import PageQuery, decode_cursor, page
from api.http.replies import Reply, json_reply
from api.http.requests import read_query
from api.http.times import rfc3339
from sync.read_models.dead_letters import StoredDeadLetter, list_dead_letters

_LetterId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


async def list_unwritten_facts(request: web.Request) -> Reply:
    """GET /v1/dead-letters: lists facts that could not be written to Postgres, newest first, each with its reason."""
    query = read_query(request, PageQuery)
    before = decode_cursor(request.path, query.cursor, _LetterId)
    found = await list_dead_letters(request.app[POSTGRES], before=before, limit=query.limit + 1)
    return json_reply(page(request, found, query.limit, lambda letter: letter.letter_id, _view))


def _view(letter: StoredDeadLetter) -> DeadLetter:
    return DeadLetter(
        id=letter.letter_id,
        at=rfc3339(letter.at_ms),
        partition=letter.partition,
        epoch=letter.epoch,
        sequence=letter.sequence,
        error=letter.error,
        bytes=letter.bytes,
    )
