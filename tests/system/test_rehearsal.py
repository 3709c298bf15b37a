"""A rehearsal against `onsale dev`: clean where the engine is whole, and failed where it is broken on purpose.

Each run has one of each scenario: a drop that passes, and a queue that fails. A soak has all four.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from cli.ports import free_port
from tests.support.api.headless import FLAGS, headless_browser
from tests.support.effort import LONG
from tests.support.system.process_stack import Ended
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

_READY_SECONDS, _END_SECONDS = 90, 40
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_PACKAGES = ("engine", "payments", "api", "sync", "cli", "lua", "loadtest")

# What is sold leaves the counter that says how much is left as it was: nothing is ever sold out.
_RULE = "    pool[from] = pool[from] - line[LINE_QUANTITY]\n"
_BROKEN_RULE = "    pool[from] = pool[from] - (from == 'available' and 0 or line[LINE_QUANTITY])\n"


def broken_checkout(repository: Path, folder: Path) -> Path:
    """A copy of the packages whose engine oversells."""
    for package in _PACKAGES:
        shutil.copytree(repository / package, folder / package)  # with bytecode: to compile takes longer
    rules = folder / "lua" / "20_unit.lua"
    text = rules.read_text(encoding="utf-8")
    assert text.count(_RULE) == 1
    rules.write_text(text.replace(_RULE, _BROKEN_RULE), encoding="utf-8")
    return folder


@asynccontextmanager
async def dev(checkout: Path, data_dir: Path) -> AsyncIterator[str]:
    """A running `onsale dev` of a checkout; where its API answers."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "cli", "dev", "--port", url.rpartition(":")[2], "--data-dir", str(data_dir)]
    data_dir.mkdir()
    with (data_dir / "said").open("wb") as said:
        process = await asyncio.create_subprocess_exec(*command, cwd=checkout, stdout=said, stderr=said)
    try:
        await wait_until(lambda: _is_ready(url), _READY_SECONDS, "onsale dev is ready")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _END_SECONDS)


async def _is_ready(url: str) -> bool:
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(f"{url}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def rehearsal(checkout: Path, folder: Path, scenario: str = "drop") -> Ended:
    """`onsale loadtest`, headless and tiny."""
    async with dev(checkout, folder) as url:
        command = [sys.executable, "-m", "cli", "loadtest", "--scenario", scenario, "--size", "tiny", "--headless"]
        command += ["--url", url, "--data-dir", str(folder), "--output", str(folder / "report")]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=checkout, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        return Ended(process.returncode or 0, output.decode())


async def screenshot(page: Path, image: Path) -> str:
    """The page as a browser that has no network shows it; its text after scripts ran."""
    command = [headless_browser(), "--headless", *FLAGS, "--window-size=1200,1600"]
    command += [f"--user-data-dir={image.parent / 'chromium'}", "--proxy-server=127.0.0.1:9"]
    process = await asyncio.create_subprocess_exec(
        *(*command, f"--screenshot={image}", "--dump-dom", page.as_uri()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    text, _ = await asyncio.wait_for(process.communicate(), 60)
    return text.decode()


async def test_a_whole_engine_passes(repository: Path, tmp_path: Path) -> None:
    passed = await rehearsal(repository, tmp_path / "whole")
    assert passed.status == 0, passed.output
    assert "Verdict: clean." in passed.output
    figures = json.loads((tmp_path / "whole" / "report" / "drop.json").read_text(encoding="utf-8"))
    assert figures["clean"]
    assert figures["codes"]["sold_out"] > 0
    everything = figures["rows"][-1]
    assert everything["error"] == 0, passed.output
    assert {row["name"] for row in figures["rows"]} >= {"availability", "hold", "pay", "seat map", "book", "move"}

    page = tmp_path / "whole" / "report" / "drop.html"
    shown = await screenshot(page, tmp_path / "page.png")
    assert "Clean: everybody has what he was told" in shown
    assert shown.count("<svg") == 3
    assert not re.search(r'(?:src|href)="https?:', shown)
    assert os.stat(tmp_path / "page.png").st_size > 20_000, "an empty page is a smaller picture"


@LONG
async def test_a_broken_engine_fails(repository: Path, tmp_path: Path) -> None:
    failed = await rehearsal(broken_checkout(repository, tmp_path / "checkout"), tmp_path / "broken")
    assert failed.status == 1, failed.output
    assert "is not conserved" in failed.output


# A room that lets everybody in.
_ROOM_RULE = "if not position or position >= room.serving then"
_BROKEN_ROOM_RULE = "if not position then"


def checkout_without_order(repository: Path, folder: Path) -> Path:
    """A copy of the packages whose waiting rooms keep no order."""
    for package in _PACKAGES:
        shutil.copytree(repository / package, folder / package)  # with bytecode: to compile takes longer
    rules = folder / "lua" / "58_enter_queue.lua"
    text = rules.read_text(encoding="utf-8")
    assert text.count(_ROOM_RULE) == 1
    rules.write_text(text.replace(_ROOM_RULE, _BROKEN_ROOM_RULE), encoding="utf-8")
    crowd = folder / "loadtest" / "drop" / "queue_crowd.py"
    text = crowd.read_text(encoding="utf-8")
    patient = 'and place.position < shared["serving"])'
    assert text.count(patient) == 1
    crowd.write_text(text.replace(patient, ")"), encoding="utf-8")
    return folder


@LONG
async def test_a_crowd_goes_through_the_waiting_room(repository: Path, tmp_path: Path) -> None:
    passed = await rehearsal(repository, tmp_path / "whole", "queue")
    assert passed.status == 0, passed.output
    figures = json.loads((tmp_path / "whole" / "report" / "queue.json").read_text(encoding="utf-8"))
    queue = figures["queue"]
    assert queue["joined"] >= 55
    assert 0 < queue["cohort"] < queue["joined"], "some came late"
    assert 0 < queue["until_entered"]["customers"] == queue["entered"]
    assert queue["most_inside"] <= queue["max_inside"]
    assert queue["worst_promise"] <= 1.2
    assert figures["rows"][-1]["error"] == 0, passed.output
    shown = (tmp_path / "whole" / "report" / "queue.html").read_text(encoding="utf-8")
    assert "The waiting room" in shown
    assert shown.count("<svg") == 5


async def test_a_room_without_order_fails(repository: Path, tmp_path: Path) -> None:
    unfair = checkout_without_order(repository, tmp_path / "checkout")
    failed = await rehearsal(unfair, tmp_path / "unfair", "queue")
    assert failed.status == 1, failed.output
    assert "though its position is" in failed.output
