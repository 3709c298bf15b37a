"""The simulated gateway as a process of its own, killed while it charges."""

import asyncio
import sys
from pathlib import Path

import aiohttp

from cli.dev.child_process import Child
from cli.ports import LOOPBACK, free_port
from payments.gateway import Completed, HttpGateway, NeverSeen
from tests.support.waiting import wait_until

PROGRAM = """
import sys
from pathlib import Path
from aiohttp import web
from cli.gateway.app import create_gateway_app
web.run_app(create_gateway_app(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


async def test_a_killed_gateway_knows_every_charge_that_it_answered(tmp_path: Path, repository: Path) -> None:
    port = free_port()
    command: list[str | Path] = [sys.executable, "-c", PROGRAM, str(port), tmp_path / "ledger.db"]
    process = Child("gateway", command, tmp_path / "log", environ={"PYTHONPATH": str(repository)})
    answered: list[str] = []

    async def charge_until_it_dies(gateway: HttpGateway, buyer: int) -> None:
        number = 0
        while await gateway.charge(f"pay-{buyer}-{number}", 500, "EUR", "tok_visa") == Completed(500, "EUR"):
            answered.append(f"pay-{buyer}-{number}")
            number += 1

    async with aiohttp.ClientSession() as session:
        gateway = HttpGateway(session, f"http://{LOOPBACK}:{port}", 2)

        async def up() -> bool:
            return await gateway.status("pay-0") == NeverSeen()

        process.start()
        try:
            await wait_until(up)
            async with asyncio.TaskGroup() as buyers:
                for buyer in range(8):
                    buyers.create_task(charge_until_it_dies(gateway, buyer))
                await wait_until(lambda: len(answered) > 100)
                process.kill()
            process.start()
            await wait_until(up)
            assert {await gateway.status(attempt_id) for attempt_id in answered} == {Completed(500, "EUR")}
        finally:
            process.kill()
