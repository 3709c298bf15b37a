"""Lists of reservations: newest first, page by page, with filters."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.words import State
from sync.catalogue.editor import AddedTicket
from sync.catalogue.fields import NewTicket
from sync.read_models.reservations import ReservationPage, is_place_in_list, list_reservations
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


async def _sync(office: BoxOffice) -> None:
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)


async def _walk(fetch: Callable[[tuple[int, str] | None], Awaitable[ReservationPage]]) -> list[str]:
    """Ids on all pages."""
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while True:
        page = await fetch(after)
        seen += [reservation.reservation_id for reservation in page.reservations]
        if page.next is None:
            return seen
        after = page.next


async def test_pages_join_without_gap_or_repeat_while_more_comes_in(office: BoxOffice) -> None:
    """Many were made in the same ms: the id decides there."""
    rids = await asyncio.gather(*(office.hold(1, f"c{i}") for i in range(25)))
    await _sync(office)
    first = await list_reservations(office.postgres, limit=7)
    late = await office.hold()
    await _sync(office)

    assert first.next is not None

    async def fetch(after: tuple[int, str] | None) -> ReservationPage:
        return await list_reservations(office.postgres, limit=7, after=after or first.next)

    seen = [reservation.reservation_id for reservation in first.reservations] + await _walk(fetch)
    assert len(seen) == 25
    assert set(seen) == set(rids)
    (newest,) = (await list_reservations(office.postgres, limit=1)).reservations
    assert newest.reservation_id == late
    keys = [((await office.record(rid)).created_ms, rid) for rid in seen]
    assert keys == sorted(keys, reverse=True)


async def test_a_last_page_that_is_full_says_so(office: BoxOffice) -> None:
    for _ in range(4):
        await office.hold()
    await _sync(office)
    page = await list_reservations(office.postgres, limit=4)
    assert (len(page.reservations), page.next) == (4, None)
    assert (await list_reservations(office.postgres, limit=3)).next is not None


async def test_filters(office: BoxOffice) -> None:
    more = await office.catalogue.add_ticket(office.event.event_id, NewTicket("VIP", 9000, 10))
    assert isinstance(more, AddedTicket)
    regular, paid, cancelled = [await office.hold(1, customer) for customer in ("anna", "anna", "bob")]
    await office.pay(paid)
    await office.cancel(cancelled)
    await _sync(office)
    ticket_id = office.ticket_id

    async def ids(**wanted: object) -> set[str]:
        page = await list_reservations(office.postgres, limit=10, **wanted)  # type: ignore[arg-type]
        return {reservation.reservation_id for reservation in page.reservations}

    assert await ids(event_id=office.event.event_id) == {regular, paid, cancelled}
    assert await ids(event_id=999) == set()
    assert await ids(customer_id="anna") == {regular, paid}
    assert await ids(status=State.PAID) == {paid}
    assert await ids(ticket_id=ticket_id) == {regular, paid, cancelled}
    assert await ids(ticket_id=more.ticket_id) == set()
    assert await ids(ticket_id=ticket_id, customer_id="bob", status=State.CANCELLED) == {cancelled}
    assert await ids(ticket_id=ticket_id, customer_id="bob", status=State.PAID) == set()


async def test_pages_of_a_ticket(office: BoxOffice) -> None:
    rids = {await office.hold() for _ in range(9)}
    await _sync(office)

    async def fetch(after: tuple[int, str] | None) -> ReservationPage:
        return await list_reservations(office.postgres, ticket_id=office.ticket_id, limit=4, after=after)

    seen = await _walk(fetch)
    assert len(seen) == 9
    assert set(seen) == rids


@pytest.mark.parametrize("cursor", [(-1, "1-aaaaaaaaaaaaaaaa"), (1 << 60, "1-aaaaaaaaaaaaaaaa"), (1, "\0"), (1, "x")])
def test_invalid_cursors_are_refused(cursor: tuple[int, str]) -> None:
    assert not is_place_in_list(cursor)
    assert is_place_in_list((1, "1-aaaaaaaaaaaaaaaa"))


async def test_two_items_of_one_ticket_are_one_reservation(office: BoxOffice) -> None:
    twice = Hold(
        new_reservation_id(office.event.event_id),
        office.event.event_id,
        "c",
        "{}",
        "d",
        items_text([(office.ticket_id, 1), (office.ticket_id, 2)]),
    )
    assert isinstance(await office.engine.submit(twice), Held)
    await _sync(office)
    page = await list_reservations(office.postgres, ticket_id=office.ticket_id, limit=5)
    assert [reservation.reservation_id for reservation in page.reservations] == [twice.reservation_id]
    assert [line.quantity for line in page.reservations[0].record.lines] == [1, 2]
