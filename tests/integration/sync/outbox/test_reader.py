"""Transactions of a reader."""

import time

from sync.outbox.reader import GATHER_SECONDS
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


async def test_what_comes_close_together_is_written_together(office: BoxOffice) -> None:
    await office.open()

    def transactions() -> float:
        return office.metrics.registry.get_sample_value("onsale_sync_batches_total") or 0

    async with running(office.reader().run()):
        await office.hold()
        await wait_until(office.outbox_is_empty)
        before, began = transactions(), time.monotonic()
        for number in range(40):
            await office.hold(customer_id=f"c{number}")
        await wait_until(office.outbox_is_empty)
        seconds = time.monotonic() - began
    assert await office.sql("SELECT count(*) FROM reservations") == 41
    # Two more, because what fills a read of the beginning is followed at once.
    assert transactions() - before <= seconds / GATHER_SECONDS + 3
