"""A rehearsal against `onsale dev`: clean where the engine is whole, and failed where it is broken on purpose.

Each run has one of each scenario: a drop that passes, and a queue that fails. A soak has all four.
"""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from redis import Redis

from tests.support.api.headless import FLAGS, headless_browser
from tests.support.effort import LONG
from tests.support.system.dev_session import copy_data, forked_dev
from tests.support.system.process_stack import Ended

pytestmark = pytest.mark.timeout(180)

_TIMEOUT_SECONDS = 10
_REPOSITORY = Path(__file__).parents[2]
_PACKAGES = ("engine", "lua", "loadtest")

# What is sold leaves the counter that says how much is left as it was: nothing is ever sold out.
_RULE = "    pool[from] = pool[from] - line[LINE_QUANTITY]\n"
_BROKEN_RULE = "    pool[from] = pool[from] - (from == 'available' and 0 or line[LINE_QUANTITY])\n"


class Checkout:
    """A copy of the parts that a test breaks on purpose. Everything else comes from this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for package in _PACKAGES:
            shutil.copytree(_REPOSITORY / package, folder / package)  # with bytecode: to compile takes longer

    def break_(self, file: str, rule: str, broken: str) -> None:
        """Replaces the only place of a text."""
        text = (self.folder / file).read_text(encoding="utf-8")
        assert text.count(rule) == 1
        (self.folder / file).write_text(text.replace(rule, broken), encoding="utf-8")

    def library(self) -> str:
        """The text of the Lua library."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted((self.folder / "lua").glob("*.lua")))


async def rehearsal(data: Path, folder: Path, scenario: str = "drop", broken: Checkout | None = None) -> Ended:
    """`onsale loadtest`, headless and tiny, perhaps with a broken crowd and on a server with a broken library."""
    with forked_dev(copy_data(data, folder / "data"), folder / "said") as session:
        if broken is not None:  # and the rehearsal, which has the same one, leaves it there
            with Redis.from_url(session.setting("REDIS_URL"), socket_timeout=_TIMEOUT_SECONDS) as redis:
                redis.function_load(broken.library(), replace=True)
        command = [sys.executable, "-m", "cli", "loadtest", "--scenario", scenario, "--size", "tiny", "--headless"]
        command += ["--url", session.api_url, "--data-dir", str(session.data), "--output", str(folder / "report")]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_REPOSITORY if broken is None else broken.folder,
            env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
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


async def test_a_whole_engine_passes(dev_data: Path, tmp_path: Path) -> None:
    passed = await rehearsal(dev_data, tmp_path / "whole")
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
async def test_a_broken_engine_fails(dev_data: Path, tmp_path: Path) -> None:
    overselling = Checkout(tmp_path / "checkout")
    overselling.break_("lua/20_unit.lua", _RULE, _BROKEN_RULE)
    failed = await rehearsal(dev_data, tmp_path / "broken", broken=overselling)
    assert failed.status == 1, failed.output
    assert "is not conserved" in failed.output


# A room that lets everybody in, and a crowd that tries.
_ROOM_RULE = "if not position or position >= room.serving then"
_BROKEN_ROOM_RULE = "if not position then"
_PATIENT, _IMPATIENT = 'and place.position < shared["serving"])', ")"


@LONG
async def test_a_crowd_goes_through_the_waiting_room(dev_data: Path, tmp_path: Path) -> None:
    passed = await rehearsal(dev_data, tmp_path / "whole", "queue")
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


async def test_a_room_without_order_fails(dev_data: Path, tmp_path: Path) -> None:
    unfair = Checkout(tmp_path / "checkout")
    unfair.break_("lua/58_enter_queue.lua", _ROOM_RULE, _BROKEN_ROOM_RULE)
    unfair.break_("loadtest/drop/queue_crowd.py", _PATIENT, _IMPATIENT)
    failed = await rehearsal(dev_data, tmp_path / "unfair", "queue", unfair)
    assert failed.status == 1, failed.output
    assert "though its position is" in failed.output
