"""Codes as a restore makes them of what Postgres has."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec
import structlog

from engine.catalogue import EventSnapshot
from engine.codes import CodeTotals, places_set_aside
from engine.restore import CodeDump
from engine.terms import CodeTerms
from sync.codes.terms import fields_of

log = structlog.get_logger(__name__)


class PlacesLeft:
    """Places of pools that nobody has, from which places are set aside for codes. Pools by event and name."""

    def __init__(self, events: Mapping[int, EventSnapshot], places: Mapping[tuple[int, str], int]) -> None:
        self._events, self._places = events, places
        self.set_aside: Counter[tuple[int, str]] = Counter()

    def pool_of(self, event_id: int, terms: CodeTerms) -> tuple[int, str] | None:
        """The pool of an allocation; None if its ticket has gone."""
        ticket = self._events[event_id].ticket_by_id.get(terms.ticket_ids[0])
        return None if ticket is None else (event_id, ticket.pools[0])

    def of(self, pool: tuple[int, str]) -> int:
        """Places of the pool that are not set aside either."""
        return max(0, self._places[pool] - self.set_aside[pool])


def restored_codes(
    rows: Iterable[asyncpg.Record], used: Iterable[Sequence[Any]], now_ms: int, left: PlacesLeft
) -> list[CodeDump]:
    """The codes of these rows of `codes` and `code_terms`, with what is used of them: {event, code, totals...}.

    An allocation that was not published gets no more places than there are. The sync worker publishes it later.
    """
    totals_of = {(event_id, code): CodeTotals(*totals) for event_id, code, *totals in used}
    dumps = []
    for row in sorted(rows, key=lambda row: not row["published"]):
        event_id, code, terms = row["event_id"], row["code"], fields_of(row).terms()
        totals = totals_of.get((event_id, code), CodeTotals())
        free, is_open = places_set_aside(terms, totals, now_ms)
        pool = left.pool_of(event_id, terms) if free else None
        if pool is not None:
            if not row["published"] and free > left.of(pool):
                free = left.of(pool)
                terms = msgspec.structs.replace(terms, places=totals.taken + free)
                log.warning("allocation_not_published", event_id=event_id, code=code, places=terms.places)
            left.set_aside[pool] += free
        dumps.append(CodeDump(event_id, code, terms, *totals, free, is_open))
    return dumps
