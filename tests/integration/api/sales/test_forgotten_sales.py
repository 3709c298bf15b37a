"""An Idempotency-Key that comes again when Redis has forgotten the sale: the sale stays as it is."""

import pytest

from api.app_keys import ENGINE
from engine.commands.reservations import Find
from engine.results.reservations import NotFound
from tests.integration.api.conftest import StartApi
from tests.support.waiting import wait_until


@pytest.mark.usefixtures("sync")
async def test_a_key_that_sold_does_not_sell_again(start_api: StartApi) -> None:
    front = await start_api(archive_seconds=1)
    ticket_id = (await front.event(10))["tickets"][0]["id"]
    key = {"Idempotency-Key": "order-1"}
    first = (await front.reserve((ticket_id, 2), customer="anna", headers=key)).body
    assert (await front.pay(first)).body["status"] == "paid"
    engine = front.client.server.app[ENGINE]  # type: ignore[attr-defined]  # of a TestServer

    async def forgotten() -> bool:
        return isinstance(await engine.submit(Find(first["id"])), NotFound)

    await wait_until(forgotten, timeout=4)
    again = await front.reserve((ticket_id, 2), customer="anna", headers=key)
    assert (again.status, again.body["code"]) == (422, "key_reused")
    assert (await front.read(first))["status"] == "paid"
    assert await front.counts(ticket_id) == (8, 0, 2)
