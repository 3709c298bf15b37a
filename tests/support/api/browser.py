"""A page in a headless Chromium, driven over its debugging protocol: what a person reads and clicks."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.api.headless import FLAGS, headless_browser
from tests.support.waiting import wait_until

_TIMEOUT_SECONDS = 30

_FIND = """
  const shown = (each) => each.checkVisibility() && each.ariaDisabled !== "true" && each.ariaBusy !== "true";
  const named = (element) => element.getAttribute("aria-label") ?? element.textContent.trim();
  const find = (selector, name) => {
    const there = [...document.querySelectorAll(selector)].filter(shown);
    return there.find((each) => named(each) === name) ?? there.find((each) => named(each).startsWith(name));
  };
"""


class Page:
    """One page. What it is asked to do waits until that can be done, as a person would."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)

    async def ask(self, method: str, **parameters: Any) -> Any:
        """One call of the protocol; what comes in between is news that nobody reads."""
        number = next(self._numbers)
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await self._socket.send_json({"id": number, "method": method, "params": parameters})
            while True:
                told = await self._socket.receive_json()
                if told.get("id") == number:
                    assert "error" not in told, told
                    return told["result"]

    async def evaluate(self, script: str) -> Any:
        """The value of an expression, or of a function's body."""
        result = await self.ask("Runtime.evaluate", expression=f"(() => {{{_FIND} {script}}})()", returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def reload(self) -> None:
        """Loads the page again."""
        await self.ask("Page.enable")
        await self.ask("Page.reload")
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while (await self._socket.receive_json()).get("method") != "Page.loadEventFired":
                pass

    async def text(self, selector: str) -> str:
        """The text there; empty if it is not there, or hidden."""
        script = f"return document.querySelector({json.dumps(selector)})?.innerText ?? ''"
        return str(await self.evaluate(script))

    async def reads(self, selector: str, text: str) -> None:
        """Waits until this text is there."""

        async def is_there() -> bool:
            return text in await self.text(selector)

        await wait_until(is_there, _TIMEOUT_SECONDS, f"{text!r} in {selector}")

    async def click(self, name: str, within: str = "") -> None:
        """Clicks with the mouse what has this name, or one that begins so: a button, a choice."""
        where = json.dumps(f"{within} :is(button, summary, label)"), json.dumps(name)
        script = f"""
          const found = find({where[0]}, {where[1]});
          if (!found) return null;
          found.scrollIntoView({{block: "center", behavior: "instant"}});
          const {{x, y, width, height}} = found.getBoundingClientRect();
          const [left, top] = [x + width / 2, y + height / 2];
          return found.contains(document.elementFromPoint(left, top)) ? [left, top] : null;
        """
        spot: list[float] | None = None

        async def is_there() -> bool:
            nonlocal spot
            spot = await self.evaluate(script)
            return spot is not None

        await wait_until(is_there, _TIMEOUT_SECONDS, f"a button {name!r} {within}")
        assert spot is not None
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)

    async def press(self, key: str) -> None:
        """Presses a key of the keyboard."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, **(text if kind == "keyDown" else {})
            )

    async def fill(self, selector: str, value: str) -> None:
        """Puts a value into a field or a choice, which is notified."""
        script = f"""
          const field = document.querySelector({json.dumps(selector)});
          if (!field) return false;
          field.value = {json.dumps(value)};
          for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {{bubbles: true}}));
          return true;
        """
        await wait_until(lambda: self.evaluate(script), _TIMEOUT_SECONDS, f"a field {selector}")

    async def picture(self, path: Path) -> None:
        """Keeps what the page looks like, as a PNG."""
        path.write_bytes(base64.b64decode((await self.ask("Page.captureScreenshot"))["data"]))


@asynccontextmanager
async def browsing(url: str, profile: Path) -> AsyncIterator[Page]:
    """A browser with no way but to loopback, at this page."""
    process = await asyncio.create_subprocess_exec(
        *(headless_browser(), "--headless", *FLAGS, f"--user-data-dir={profile}", "--no-first-run"),
        *("--proxy-server=127.0.0.1:9", "--remote-debugging-port=0", "--window-size=1280,1000", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told = profile / "DevToolsActivePort"
    try:
        await wait_until(lambda: told.exists() and told.read_text().count("\n"), _TIMEOUT_SECONDS, "a browser")
        port = int(told.read_text().split()[0])
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new?{url}") as made:
                address = (await made.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await process.wait()
