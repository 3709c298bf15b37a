"""Schemathesis explores the API by its document alone, on real servers, with all its checks."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from api.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.contract.conftest import StartApi
from tests.integration.contract.front import Front, Json

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_ROOT = Path(__file__).parents[3]
_SHARED = "a secret of thirty-two bytes or more"
_LEAST_CASES = 2000
_SECONDS = 280  # on a machine that has much else to do

_SALE = (
    *("create_event", "add_ticket", "create_reservation", "pay_reservation", "refund_reservation"),
    *("add_to_cart", "book_cart", "complete_payment"),
)
"""What is reached by links alone: nobody guesses the id of a reservation. Fewer ways lead further."""

_SOLD = {
    ("POST", "/v1/events/{event_id}/tickets", "201"),
    ("POST", "/v1/reservations", "201"),
    ("POST", "/v1/reservations/{reservation_id}/pay", "200"),
    ("POST", "/v1/reservations/{reservation_id}/refund", "200"),
    ("POST", "/v1/orders/carts/{cart_id}", "200"),
    ("PUT", "/v1/orders/carts/{cart_id}/book", "200"),
    ("POST", "/v1/payments/{payment_id}/complete", "200"),
}
_ANSWERED = re.compile(r'onsale_requests_total{method="(\w+)",route="([^"]+)",status="(\d+)"}')


class Explored(NamedTuple):
    """An API that takes tokens, a manager's token, and an event that is on sale."""

    front: Front
    token: str
    event: Json


@pytest.fixture
async def explored(front: Front, start_api: StartApi) -> Explored:
    event = await front.event(10_000, max_per_customer=10_000)
    token = mint_token(Settings(jwt_secret=_SHARED), Role.MANAGER, "explorer", ttl_seconds=3600)
    return Explored(await start_api(auth="jwt", jwt_secret=_SHARED), token, event)


@pytest.mark.timeout(_SECONDS + 20)
@pytest.mark.usefixtures("sync")
async def test_schemathesis_finds_nothing(explored: Explored, tmp_path: Path) -> None:
    said = await _explore(explored, tmp_path)
    counted = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counted, said
    assert int(counted[1]) == int(counted[2]) >= _LEAST_CASES, said


@pytest.mark.timeout(_SECONDS + 20)
@pytest.mark.usefixtures("sync")
async def test_links_lead_through_whole_sales(explored: Explored, tmp_path: Path) -> None:
    operations = [option for name in _SALE for option in ("--include-operation-id", name)]
    how = ("--phases", "stateful", "--mode", "positive", "--max-examples", "90")
    said = await _explore(explored, tmp_path, *how, *operations)
    headers = {"Authorization": f"Bearer {explored.token}"}
    metrics = await (await explored.front.client.get("/metrics", headers=headers)).text()
    assert _SOLD - set(_ANSWERED.findall(metrics)) == set(), said


async def _explore(explored: Explored, folder: Path, *options: str) -> str:
    """What Schemathesis said, which found nothing. It keeps its notes in the folder."""
    url = str(explored.front.client.make_url("/openapi.json"))
    ticket_id = explored.event["tickets"][0]["id"]
    of_the_event = {"ON_SALE_EVENT_ID": str(explored.event["id"]), "ON_SALE_TICKET_ID": str(ticket_id)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "--no-color"),
        *("run", url, "--header", f"Authorization: Bearer {explored.token}", *options),
        cwd=folder,
        env=os.environ | of_the_event | {"PYTHONPATH": str(_ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()
    return said.decode()
