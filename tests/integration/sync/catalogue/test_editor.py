"""The catalogue: on sale as Postgres has it, also after a crash between Postgres and Redis."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from redis import Redis as Client
from structlog.testing import capture_logs

import sync.catalogue.event_publisher
from cli.ports import free_port
from engine.catalogue import EventSnapshot, publish_event, published_changes, published_versions
from engine.commands.events import Count, Drop
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.ids import new_reservation_id
from engine.results.events import BelowTaken, Counts, InUse, Published, SaleClosed, UnknownPool
from engine.settings import Settings
from engine.stock import SectionMap
from engine.words import EventStatus
from sync.catalogue.cancellations import request_refunds
from sync.catalogue.editor import AddedTicket, CatalogueEditor
from sync.catalogue.event_publisher import EventPublisher, SalesLost
from sync.catalogue.fields import NewEvent, NewTicket, TicketChanges
from sync.catalogue.publisher import run_publisher
from sync.postgres import Postgres, PostgresAway
from sync.sql import statement
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.locks import locking, waiting_for
from tests.support.waiting import wait_until

Publish = Callable[..., Awaitable[Published | BelowTaken | InUse]]


async def _published(office: BoxOffice) -> EventSnapshot:
    changes = await published_changes(office.engine.redis, 0)
    event = changes.events[office.event.event_id]
    assert event is not None
    return event


async def _capacity(office: BoxOffice) -> int:
    counts = await office.engine.submit(Count(office.event.event_id))
    assert isinstance(counts, Counts)
    return counts.tickets[0].capacity


async def _version(office: BoxOffice) -> int:
    version: int = await office.sql("SELECT version FROM events WHERE id = $1", office.event.event_id)
    return version


async def test_a_new_event_sells_at_once_and_is_what_postgres_has(office: BoxOffice) -> None:
    await office.hold()
    assert await _published(office) == office.event
    assert office.event.version == await _version(office)
    assert office.event.starts_ms == datetime(2027, 6, 1, 18, tzinfo=UTC).timestamp() * 1000


async def test_changes_of_an_event(office: BoxOffice) -> None:
    opens = datetime(2026, 1, 1, tzinfo=UTC)
    event_id = office.event.event_id
    changed = await office.catalogue.update_event(
        event_id, dict(name="Encore", status=EventStatus.CLOSED, sale_opens_at=opens, max_per_customer=3)
    )
    assert isinstance(changed, EventSnapshot)
    assert changed == msgspec.structs.replace(
        office.event,
        version=changed.version,
        revision=changed.version,
        name="Encore",
        status=EventStatus.CLOSED,
        sale_opens_ms=int(opens.timestamp() * 1000),
        max_per_customer=3,
    )
    assert await _published(office) == changed
    hold = Hold(new_reservation_id(event_id), event_id, "c", "{}", "d", items_text([(office.ticket_id, 1)]))
    assert isinstance(await office.engine.submit(hold), SaleClosed)

    cleared = await office.catalogue.update_event(event_id, dict(sale_opens_at=None))
    assert isinstance(cleared, EventSnapshot)
    assert (cleared.sale_opens_ms, cleared.name) == (None, "Encore")
    assert cleared.version > changed.version > office.event.version
    assert await office.catalogue.update_event(999, dict(name="nobody")) is None


async def test_changes_of_tickets(office: BoxOffice) -> None:
    await office.hold(5)
    more = await office.catalogue.add_ticket(office.event.event_id, NewTicket("VIP", 9000, 2))
    assert isinstance(more, AddedTicket)
    assert [ticket.ticket_type for ticket in more.event.tickets] == ["Regular", "VIP"]
    dearer = await office.catalogue.update_ticket(office.ticket_id, TicketChanges(unit_minor=0, capacity=5))
    assert isinstance(dearer, EventSnapshot)
    assert (dearer.tickets[0].unit_minor, dearer.tickets[0].capacity) == (0, 5)
    assert await _published(office) == dearer
    assert await office.catalogue.add_ticket(999, NewTicket("VIP", 9000, 2)) is None
    assert await office.catalogue.update_ticket(999, TicketChanges(capacity=1)) is None


async def test_a_capacity_below_the_places_taken_changes_nothing(office: BoxOffice) -> None:
    await office.hold(5)
    refused = await office.catalogue.update_ticket(office.ticket_id, TicketChanges(unit_minor=1, capacity=4))
    assert refused == BelowTaken(str(office.ticket_id), 4, 5)
    assert await office.sql("SELECT capacity FROM tickets WHERE id = $1", office.ticket_id) == 100
    await office.publisher.publish_missing()
    assert await _capacity(office) == 100
    assert (await _published(office)).version == await _version(office)


def _failing(*, before: bool) -> Publish:
    """A publication whose process dies right before, or right after it had its effect in Redis."""

    async def fail(
        engine: Engine, event: EventSnapshot, sections: Sequence[SectionMap], *, keeps_slots: bool
    ) -> Published | BelowTaken | InUse:
        if not before:
            await publish_event(engine, event, sections, keeps_slots=keeps_slots)
        raise OutcomeUnknown("the process died")

    return fail


async def test_death_before_a_new_event_is_published(office: BoxOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.event_publisher, "publish_event", _failing(before=True))
        with pytest.raises(OutcomeUnknown):
            await office.open()
    event_id = await office.sql("SELECT max(id) FROM events")
    assert isinstance(await office.engine.submit(Count(event_id)), UnknownPool)

    assert await office.publisher.publish_missing() == 1
    assert isinstance(await office.engine.submit(Count(event_id)), Counts)
    assert await office.publisher.publish_missing() == 0


@pytest.mark.parametrize("before", [True, False])
async def test_death_between_publication_and_commit(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.event_publisher, "publish_event", _failing(before=before))
        with pytest.raises(OutcomeUnknown):
            await office.catalogue.update_ticket(office.ticket_id, TicketChanges(capacity=200))
    assert await _capacity(office) == (100 if before else 200)
    assert await office.sql("SELECT capacity FROM tickets WHERE id = $1", office.ticket_id) == 100

    assert await office.publisher.publish_missing() == 1
    assert await _capacity(office) == 100


async def test_death_between_stock_and_description_is_found_too(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def half(
        engine: Engine, event: EventSnapshot, sections: Sequence[SectionMap], *, keeps_slots: bool
    ) -> Published | BelowTaken | InUse:
        with pytest.MonkeyPatch.context() as patch:

            async def lost(*_: object) -> None:
                raise OutcomeUnknown("the process died")

            patch.setattr(engine, "call", lost)
            return await publish_event(engine, event, sections, keeps_slots=keeps_slots)

    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.event_publisher, "publish_event", half)
        with pytest.raises(OutcomeUnknown):
            await office.catalogue.update_ticket(office.ticket_id, TicketChanges(capacity=200))
    assert await _capacity(office) == 200

    assert await office.publisher.publish_missing() == 1
    assert await _capacity(office) == 100


async def test_places_sold_by_a_lost_change_stay_sold(office: BoxOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.event_publisher, "publish_event", _failing(before=False))
        with pytest.raises(OutcomeUnknown):
            await office.catalogue.update_ticket(office.ticket_id, TicketChanges(capacity=200))
    await office.hold(150)

    await office.publisher.publish_missing()
    assert await _capacity(office) == 150
    assert await office.sql("SELECT capacity FROM tickets WHERE id = $1", office.ticket_id) == 150


async def test_places_sold_before_redis_was_emptied_are_not_sold_again(office: BoxOffice) -> None:
    await office.pay(await office.hold())
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    await office.engine.redis.execute_command("FLUSHALL")
    await office.engine.init_partitions()

    with capture_logs() as logs:
        assert await office.publisher.publish_missing() == 0
    assert [line["event"] for line in logs if line["event"] != "acknowledged_lost"] == ["sales_lost"]
    with pytest.raises(SalesLost):
        await office.catalogue.update_event(office.event.event_id, dict(name="again"))
    assert await published_versions(office.engine.redis) == {}


async def test_without_postgres_editing_fails_at_once(office: BoxOffice, settings: Settings) -> None:
    nowhere = msgspec.structs.replace(settings, postgres_url=f"postgresql://127.0.0.1:{free_port()}/onsale")
    async with Postgres(nowhere) as away:
        catalogue = CatalogueEditor(away, office.engine)
        began = time.monotonic()
        with pytest.raises(PostgresAway):
            await catalogue.create_event(NewEvent(name="x", starts_at=datetime(2027, 1, 1, tzinfo=UTC), tickets=[]))
        with pytest.raises(PostgresAway):
            await catalogue.update_ticket(office.ticket_id, TicketChanges(capacity=1))
        assert time.monotonic() - began < 1
    await office.hold()


Change = Callable[[CatalogueEditor, EventSnapshot], Coroutine[object, object, object]]


async def _change_ticket(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.update_ticket(event.tickets[0].ticket_id, TicketChanges(capacity=5))


async def _change_known_ticket(editor: CatalogueEditor, event: EventSnapshot) -> object:
    ticket = event.tickets[0]
    return await editor.update_ticket(ticket.ticket_id, TicketChanges(capacity=5), [ticket.revision])


async def _delete_ticket(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.delete_ticket(event.tickets[0].ticket_id)


async def _delete_event(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.delete_event(event.event_id, [event.revision])


async def _change_event(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.update_event(event.event_id, dict(name="Late"))


async def _block_seat(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.block_seats(event.event_id, [1], blocked=True)


@pytest.mark.parametrize(
    ("change", "deletion"),
    [
        *((each, _delete_ticket) for each in (_change_ticket, _change_known_ticket, _delete_ticket)),
        *((each, _delete_event) for each in (_change_ticket, _change_event, _block_seat, _delete_ticket)),
        (_delete_event, _delete_event),
    ],
)
async def test_what_is_deleted_meanwhile_is_not_changed(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch, change: Change, deletion: Change
) -> None:
    """Somebody else deletes it after the change is announced: it is not there, and that is no fault."""
    announce = EventPublisher.announce

    async def announced(self: EventPublisher, event_id: int, revisions: Sequence[int] | None = None) -> None:
        await announce(self, event_id, revisions)
        monkeypatch.setattr(EventPublisher, "announce", announce)
        assert isinstance(await deletion(office.catalogue, office.event), EventSnapshot)

    monkeypatch.setattr(EventPublisher, "announce", announced)
    assert await change(office.catalogue, office.event) is None


async def _add_ticket(editor: CatalogueEditor, event: EventSnapshot) -> object:
    return await editor.add_ticket(event.event_id, NewTicket("VIP", 9000, 10))


async def _publish_anew(editor: CatalogueEditor, event: EventSnapshot) -> object:
    await editor._publisher.publish_new_version(event.event_id)
    return event


@pytest.mark.parametrize(
    "change",
    [_publish_anew, _change_event, _change_ticket, _add_ticket, _delete_ticket, _delete_event],
    ids=lambda change: change.__name__.strip("_"),
)
async def test_a_change_waits_for_an_event_without_a_weaker_lock_of_it(office: BoxOffice, change: Change) -> None:
    """A change of codes may share a weaker lock, and then want a newer version of the event: a deadlock."""
    event_id = office.event.event_id
    async with locking(office.settings, statement("keep_event"), event_id) as holder:
        changing = await waiting_for(holder, change(office.catalogue, office.event))
        await holder.execute("SELECT FROM events WHERE id = $1 FOR NO KEY UPDATE NOWAIT", event_id)
    assert await changing


async def test_a_ticket_is_deleted_while_another_one_is_added(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one is committed, and not published yet: Redis would have its terms, and no places for it."""
    publish = EventPublisher.publish_existing

    async def published(self: EventPublisher, event_id: int) -> EventSnapshot:
        assert isinstance(await _delete_ticket(office.catalogue, office.event), EventSnapshot)
        return await publish(self, event_id)

    monkeypatch.setattr(EventPublisher, "publish_existing", published)
    added = await office.catalogue.add_ticket(office.event.event_id, NewTicket("VIP", 9000, 10))
    assert isinstance(added, AddedTicket)
    assert await _published(office) == added.event
    assert await _capacity(office) == 10


@pytest.mark.damages_keys
async def test_a_damaged_event_does_not_keep_others_from_their_publication(office: BoxOffice) -> None:
    """Nor does it end the worker."""
    damaged = office.event
    await office.open()
    for event in (damaged, office.event):
        await office.sql("UPDATE events SET version = nextval('event_versions') WHERE id = $1", event.event_id)
    keys = office.engine.keys[damaged.event_id % office.settings.partitions]
    with Client.from_url(office.settings.redis_url) as redis:
        redis.hdel(keys.pools, f"{damaged.event_id}/{damaged.tickets[0].ticket_id}")
    with capture_logs() as logs:
        async with running(run_publisher(office.settings, office.publisher)):

            async def is_published() -> bool:
                versions = await published_versions(office.engine.redis)
                return versions[office.event.event_id] == await _version(office)

            await wait_until(is_published, what="the other event is published")
    broken = {line["event_id"] for line in logs if line["event"] == "event_not_published"}
    assert broken == {damaged.event_id}


async def test_a_ticket_of_an_event_that_is_deleted_meanwhile_is_not_added(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = EventPublisher.publish_existing

    async def published(self: EventPublisher, event_id: int) -> EventSnapshot:
        assert isinstance(await office.catalogue.delete_event(event_id), EventSnapshot)
        return await publish(self, event_id)

    monkeypatch.setattr(EventPublisher, "publish_existing", published)
    assert await office.catalogue.add_ticket(office.event.event_id, NewTicket("VIP", 9000, 10)) is None


async def test_refunds_of_an_event_that_is_deleted_meanwhile_are_not_requested(office: BoxOffice) -> None:
    event_id = office.event.event_id
    await office.catalogue.update_event(event_id, dict(status=EventStatus.CANCELLED))
    async with locking(office.settings, "DELETE FROM events WHERE id = $1", event_id) as other:
        requesting = await waiting_for(other, request_refunds(office.postgres, event_id))
    assert not await requesting
    await office.engine.submit(Drop(event_id, 0))
