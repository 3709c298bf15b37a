"""A change of the catalogue that was held up on its way does not undo the ones that overtook it."""

import msgspec

from engine.catalogue import EventSnapshot, TicketSnapshot, publish_event, published_changes
from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.events import Counts, Published, SaleClosed
from engine.results.holds import Held
from engine.words import EventStatus

OLD = EventSnapshot(
    event_id=1,
    version=7,
    name="Old",
    starts_ms=0,
    timezone="UTC",
    venue_id=None,
    status=EventStatus.ON_SALE,
    sale_opens_ms=None,
    sale_closes_ms=None,
    hold_seconds=900,
    max_per_customer=10,
    tickets=[TicketSnapshot(ticket_id=7, ticket_type="VIP", unit_minor=100, capacity=10)],
)


async def test_an_older_version_changes_nothing(engine: Engine) -> None:
    new = msgspec.structs.replace(OLD, version=8, name="New", status=EventStatus.CLOSED)
    for snapshot in (new, msgspec.structs.replace(OLD, tickets=[msgspec.structs.replace(OLD.tickets[0], capacity=99)])):
        assert await publish_event(engine, snapshot) == Published()
    hold = Hold(new_reservation_id(1), 1, "22", "{}", "", items_text([(7, 1)]))
    assert isinstance(await engine.submit(hold), SaleClosed)
    counts = await engine.submit(Count(1))
    assert isinstance(counts, Counts)
    assert counts.tickets[0].capacity == 10
    events = list((await published_changes(engine.redis, 0)).events.values())
    assert events == [new]


async def test_the_same_version_again_is_published_again(engine: Engine) -> None:
    """Publishing is repeated after a fault, when nobody knows how far it got."""
    for _ in range(2):
        assert await publish_event(engine, OLD) == Published()
    assert isinstance(await engine.submit(Hold(new_reservation_id(1), 1, "22", "{}", "", items_text([(7, 1)]))), Held)
