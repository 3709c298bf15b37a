"""Codes while processes die, and with no sync worker: no use and no cent too many, no place lost and none twice."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from tests.support.effort import effort
from tests.support.invariants import check_invariants
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Answer, Event, Storefront

ROUNDS = effort(4, 100)
SEED = 20271129
BUYERS = 200
USES = 3
KILLS_EVERY = 2
CAPACITY = 300
ALLOCATED = 200
ALLOCATION_SECONDS = 3

OFF: dict[str, Any] = {"kind": "discount", "amount_off": {"amount": 333, "currency": "EUR"}}
LIMITS: list[dict[str, Any]] = [{"max_uses": USES}, {"budget": {"amount": USES * 333 + 332, "currency": "EUR"}}]


async def make(storefront: Storefront, event: Event, code: str, **terms: Any) -> None:
    answer = await storefront.ask("POST", f"/v1/events/{event.event_id}/codes", {"codes": [code], **terms})
    assert answer.status == 201, answer


async def insist(storefront: Storefront, event: Event, buyer: str, code: str) -> Answer:
    """Holds a place under a code: repeats with the same key until there is an answer."""
    key = str(uuid4())
    async with asyncio.timeout(60):
        while True:
            answer = await storefront.hold(event.ticket_id, buyer, key, code=code)
            if answer.status not in {0, 503}:
                return answer
            await asyncio.sleep(0.05)


@pytest.mark.timeout(120 + 10 * ROUNDS)
async def test_no_use_and_no_cent_too_many(stack: Stack, storefront: Storefront) -> None:
    """Rounds with a limit of uses and with one of money by turns; in some, the API or Valkey dies among the buyers."""
    await stack.start("gateway", "sync", "api")
    event = await storefront.create_event(capacity=1_000_000)
    chance = random.Random(SEED)  # noqa: S311  # no secret
    for number in range(ROUNDS):
        code = f"ROUND{number}"
        await make(storefront, event, code, **OFF, **LIMITS[number % 2])
        async with asyncio.TaskGroup() as crowd:
            buyers = [crowd.create_task(insist(storefront, event, f"{code}-{buyer}", code)) for buyer in range(BUYERS)]
            if number % KILLS_EVERY == KILLS_EVERY - 1:
                victim = ("api", "valkey")[number // KILLS_EVERY % 2]
                await asyncio.sleep(chance.uniform(0, 0.3))
                stack.kill(victim)
                await stack.start(victim)
        answers = Counter((buyer.result().status, buyer.result().code) for buyer in buyers)
        assert answers == {(201, code): USES, (409, "code_used_up"): BUYERS - USES}, number
        told = await storefront.ask("GET", f"/v1/events/{event.event_id}/codes/{code}")
        assert (told.status, told.body["uses"]) == (200, USES), told
    check_invariants(stack.valkey.url)


async def test_an_allocation_under_load_and_at_its_end(stack: Stack, storefront: Storefront) -> None:
    """No sync worker is there: the first buyer after the end finds the rest on sale."""
    stack.configure(wrong_codes_burst=1000)
    await stack.start("gateway", "api")
    event = await storefront.create_event(capacity=CAPACITY)
    ends = datetime.now(UTC) + timedelta(seconds=ALLOCATION_SECONDS)
    terms = {"ticket_ids": [event.ticket_id], "places": ALLOCATED, "valid_until": ends.isoformat()}
    await make(storefront, event, "FAN27", kind="allocation", **terms)
    buyers, samples = count(), list[tuple[int, int]]()
    is_over = False

    async def buy() -> None:
        """Buys with the code and without by turns, and gives every third hold back."""
        while not is_over:
            number = next(buyers)
            code = "FAN27" if number % 2 else None
            held = await storefront.hold(event.ticket_id, f"c{number}", code=code)
            if held.status == 201 and number % 3 == 0:
                assert (await storefront.ask("DELETE", f"/v1/reservations/{held.body['id']}")).status == 204
            await asyncio.sleep(0.15)

    async def sample() -> None:
        """Looks until the end is over: an answer of an instant after it has the rest on sale, at once."""
        nonlocal is_over
        while not is_over:
            told = await storefront.ask("GET", f"/v1/events/{event.event_id}/availability")
            (ticket,) = told.body["tickets"]
            counts = [ticket[state] for state in ("available", "held", "sold", "kept")]
            assert sum(counts) == CAPACITY, ticket
            samples.append((counts[1], counts[3]))
            is_over = datetime.fromisoformat(told.body["as_of"]) >= ends
            assert counts[3] == 0 or not is_over, "places are set aside after the end"
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as crowd:
        crowd.create_task(sample())
        for _ in range(8):
            crowd.create_task(buy())
    assert samples[0][1] > ALLOCATED - 50
    assert len({held for held, _ in samples}) > 3, "the load was no load"
    assert samples[-2][1] > 0, "it did not end earlier"
    assert (await storefront.hold(event.ticket_id, "late", code="FAN27")).code == "code_unknown"
    left = (await storefront.ticket(event.ticket_id))["available"]
    assert (await storefront.hold(event.ticket_id, "rest", places=min(left, 10))).status == 201
    check_invariants(stack.valkey.url)
