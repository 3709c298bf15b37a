"""Schemathesis explores the API by its document alone, on real servers, with all its checks.

Where links lead, which it finds by chance only, is tested in test_links.py.
"""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json
from tests.support.effort import effort

_CONFIG = Path(__file__).parents[3] / "support" / "api" / "schemathesis.toml"
_ROOT = Path(__file__).parents[4]
_SHARED = "a secret of thirty-two bytes or more"
_LEAST_CASES = effort(80, 2000)
_EXAMPLES = effort(1, 20)
"""Of each operation, per kind of test."""

_PHASES = effort("fuzzing", "examples,coverage,fuzzing,stateful")
"""Coverage tries each limit of each field, and states follow links: some thousand requests, which take minutes."""

_SECONDS = 900  # on a machine that has much else to do


class Explored(NamedTuple):
    """An API that takes tokens, a manager's token, and an event that is on sale."""

    front: Front
    token: str
    event: Json


@pytest.fixture
async def explored(front: Front, start_api: StartApi) -> Explored:
    event = await front.event(10_000, max_per_customer=10_000)
    token = mint_token(Settings(jwt_secret=_SHARED), Role.MANAGER, "explorer", ttl_seconds=3600)
    return Explored(await start_api(auth="jwt", jwt_secret=_SHARED, unsigned_callbacks=True), token, event)


@pytest.mark.timeout(_SECONDS + 20)
@pytest.mark.usefixtures("sync")
async def test_schemathesis_finds_nothing(explored: Explored, tmp_path: Path) -> None:
    said = await _explore(explored, tmp_path, "--max-examples", str(_EXAMPLES), "--phases", _PHASES)
    counted = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counted, said
    assert int(counted[1]) == int(counted[2]) >= _LEAST_CASES, said


async def _explore(explored: Explored, folder: Path, *options: str) -> str:
    """The report of Schemathesis, which found nothing. It keeps its notes in the folder."""
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
