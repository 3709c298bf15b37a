"""Requests with keys beside each other."""

from datetime import UTC, datetime

import pytest

from engine.acting import Actor, acting
from engine.settings import Settings
from sync.audit_log.entries import CATALOGUE_CHAIN
from sync.catalogue.fields import NewEvent, NewTicket
from sync.creations import Creation
from sync.postgres import Postgres
from sync.sql import statement
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.locks import locking, waiting_for


async def test_old_creations_that_another_request_deletes_are_not_waited_for(pool: Postgres) -> None:
    """That request may take long, as one for many codes does. And each could wait for what the other deletes."""
    async with pool.connection() as connection:
        await connection.execute("INSERT INTO creations VALUES ('old', 1, now() - interval '1 hour')")
        async with pool.transaction() as one, pool.transaction() as other:
            await Creation("a", 60).note(one, 2)
            await Creation("b", 60).note(other, 3)
        assert await connection.fetchval("SELECT array_agg(request ORDER BY request) FROM creations") == ["a", "b"]


_NOTED = "SELECT count(*) FROM pg_locks WHERE relation = 'creations'::regclass AND mode = 'RowExclusiveLock'"


@pytest.mark.parametrize("of", ["event", "ticket"])
async def test_who_waits_for_the_log_has_noted_what_it_made(office: BoxOffice, settings: Settings, of: str) -> None:
    """Else it has the log once it goes on, and waits for a request that waits for the log."""
    creation, ticket = Creation("a", 60), NewTicket("VIP", 100, 1)
    event = NewEvent(name="Late", starts_at=datetime(2027, 6, 1, tzinfo=UTC), tickets=[])
    work = {
        "event": office.catalogue.create_event(event, creation),
        "ticket": office.catalogue.add_ticket(office.event.event_id, ticket, creation),
    }
    with acting(Actor("manager", "m", "create", "r1")):
        async with locking(settings, statement("lock_audit_chain"), CATALOGUE_CHAIN) as holder:
            making = await waiting_for(holder, work.pop(of))
            noted = await holder.fetchval(_NOTED)
        await making
    for other in work.values():
        other.close()
    assert noted > 0
