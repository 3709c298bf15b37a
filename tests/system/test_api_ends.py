"""The API's processes end in order: one of several, and all of them."""

import asyncio
import os
import re
import signal

from tests.support.system.ledgers import unsettled
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until

BOOTED = re.compile(r"Booting worker with pid: (\d+)")
PAYMENTS = 20


async def test_a_worker_that_ends_leaves_the_others_working(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    await stack.start("api")
    event = await storefront.create_event(capacity=1000)
    await wait_until(lambda: len(BOOTED.findall(stack.log("api"))) == 2, what="both workers are there")
    first = int(BOOTED.findall(stack.log("api"))[0])

    os.kill(first, signal.SIGTERM)

    await wait_until(lambda: f"Worker exiting (pid: {first})" in stack.log("api"), what="one ends")
    # What a process asks for the first time makes new series of metrics, in files that all share.
    for number in range(50):
        assert (await storefront.hold(event.ticket_id, f"c{number}")).status == 201
        assert (await storefront.ask("GET", f"/v1/events/{event.event_id}")).status == 200
    await wait_until(lambda: len(BOOTED.findall(stack.log("api"))) == 3, what="another takes its place")
    assert '"level":"error"' not in stack.log("api")


async def test_payments_under_way_are_answered_before_the_api_ends(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "api")
    event = await storefront.create_event(capacity=1000)
    holds = [await storefront.hold(event.ticket_id, f"c{number}") for number in range(PAYMENTS)]

    async with asyncio.TaskGroup() as payments:
        # The gateway leaves the API waiting for its answer, until the API's own timeout.
        asked = [payments.create_task(storefront.pay(hold.body["id"], "timeout")) for hold in holds]
        await wait_until(lambda: unsettled(stack) == PAYMENTS, what="all payments are under way")
        await stack.stop("api")

    assert [task.result().status for task in asked] == [202] * PAYMENTS
    assert '"level":"error"' not in stack.log("api")
