"""The amount that a reader takes from a long outbox at once."""

import asyncio

import pytest

import sync.outbox.reader
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.ids import new_reservation_id
from engine.outbox import Entry, read_outbox
from engine.results.holds import Held
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until

_HOLDS = 5000
_AT_ONCE = 100
_DETAILS = '{"last_name": "Karimov", "first_name": "' + "x" * 1200 + '"}'
_SOME_BYTES = 3_000_000
"""About 2 MB, and what the sizes of entries differ by."""


async def test_large_entries_are_read_a_few_at_a_time(office: BoxOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.open(capacity=_HOLDS)
    event_id, items = office.event.event_id, items_text([(office.ticket_id, 1)])
    for first in range(0, _HOLDS, _AT_ONCE):
        held = await asyncio.gather(
            *(
                office.engine.submit(Hold(new_reservation_id(event_id), event_id, f"c{number}", _DETAILS, "", items))
                for number in range(first, first + _AT_ONCE)
            )
        )
        assert {type(each) for each in held} == {Held}
    size = sum(len(entry.payload) for entry in await office.entries())
    assert size > 2 * _SOME_BYTES, "or all could be read at once"

    sizes: list[int] = []

    async def watched(*arguments: object, **options: object) -> list[Entry]:
        entries = await read_outbox(*arguments, **options)  # type: ignore[arg-type]  # whatever the reader gives
        sizes.append(sum(len(entry.payload) for entry in entries))
        return entries

    monkeypatch.setattr(sync.outbox.reader, "read_outbox", watched)
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty, 30)
    assert await office.sql("SELECT count(*) FROM reservations") == _HOLDS
    assert max(sizes) <= _SOME_BYTES
