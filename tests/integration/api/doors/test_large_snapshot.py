"""The snapshot of a stadium: 100,000 e-tickets in at most 5 MB, made within 3 s."""

import asyncio
import json
import time

import pytest

from engine.commands.holds import Hold
from engine.commands.items import Places, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.results.payments import Paid
from engine.settings import Settings
from tests.integration.api.doors.test_check_in import doors_of
from tests.support.api.api_client import Front

ETICKETS, OF_ONE = 100_000, 2000
MOST_BYTES, MOST_SECONDS = 5_000_000, 3.0
PRICE = 2500


async def buy(engine: Engine, event_id: int, ticket_id: int, number: int) -> None:
    rid = new_reservation_id(event_id)
    places = items_text([Places(ticket_id, OF_ONE)])
    assert isinstance(await engine.submit(Hold(rid, event_id, f"c{number}", "{}", "digest", places)), Held)
    await engine.submit(BeginPayment(rid, f"pay-{rid}", OF_ONE * PRICE, "by card"))
    assert isinstance(await engine.submit(ConfirmPayment(rid, f"pay-{rid}")), Paid)


@pytest.mark.alone
async def test_a_snapshot_of_a_stadium_is_small_and_quick(front: Front, shop: Settings) -> None:
    doors = await doors_of(front, ETICKETS, max_per_customer=OF_ONE)
    async with Engine(shop) as engine:
        for number in range(ETICKETS // OF_ONE):
            await buy(engine, doors.event["id"], doors.ticket_id, number)
    path = f"{doors.path}/check-ins/snapshot"
    took, body = [], b""
    for _ in range(3):
        began = time.perf_counter()
        async with asyncio.timeout(60), front.client.get(path, headers={"Accept-Encoding": "identity"}) as response:
            body = await response.read()
        took.append(time.perf_counter() - began)
    snapshot = json.loads(body)
    assert len(snapshot["etickets"]) == ETICKETS
    assert len(body) <= MOST_BYTES, len(body)
    assert min(took) <= MOST_SECONDS, took
    async with front.client.get(path, params={"since": snapshot["version"]}) as response:
        assert (await response.json())["etickets"] == []
