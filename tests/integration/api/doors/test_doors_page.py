"""The page of a gate in a browser, with network and without."""

import re
from pathlib import Path

import api.doors.page_files
from tests.integration.api.doors.test_check_in import doors_of
from tests.support.api.api_client import Front
from tests.support.api.browser import Page, browsing
from tests.support.dropping_proxy import LosingProxy
from tests.support.waiting import wait_until

NOWHERE = "http://127.0.0.1:1/"
_ELSEWHERE = re.compile(r"(?:https?:)?//[a-z0-9]", re.IGNORECASE)


async def scan(page: Page, code: str) -> None:
    """As a handheld scanner does: it types the code, and Enter."""
    await page.fill("#code", code)
    await page.evaluate("document.querySelector('#scan').requestSubmit(); return true;")


async def ready(page: Page) -> None:
    async def is_ready() -> bool:
        return bool(await page.evaluate("return document.body?.dataset.ready && document.body.dataset.kept;"))

    await wait_until(is_ready, 30, "the page is kept in the browser")
    await page.reads("#state", "snapshot of")


async def test_the_page_refers_to_nothing_outside(front: Front) -> None:
    folder = Path(api.doors.page_files.__file__).with_name("page")
    assets = {file.name for file in folder.iterdir()} - {"page.html", "worker.js"}
    assert assets == set(api.doors.page_files.DoorsAsset.__args__)  # type: ignore[attr-defined]  # a Literal
    for path in ("/doors/1", "/doors/worker.js", *(f"/doors/assets/{asset}" for asset in assets)):
        answer = await front.client.get(path)
        assert answer.status == 200
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        text = await answer.text()
        assert _ELSEWHERE.search(re.sub(r"^\s*//.*$|; // .*$", "", text, flags=re.MULTILINE)) is None
    worker = (folder / "worker.js").read_text()
    assert all(f'"{asset}"' in worker for asset in assets), "the worker keeps each file"


async def test_a_gate_sees_green_once_and_red_after(front: Front, tmp_path: Path) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    url = str(front.client.make_url(f"/doors/{doors.event['id']}"))
    async with browsing(url, tmp_path / "browser") as page:
        await ready(page)
        await scan(page, eticket["code"])
        await page.reads("#word", "WELCOME")
        await page.reads("#detail", "Islom Karimov")
        assert await page.evaluate("return document.querySelector('#verdict').className;") == "green"
        await page.picture(tmp_path / "green.png")
        await scan(page, eticket["code"])
        await page.reads("#word", "ALREADY IN")
        assert await page.evaluate("return document.querySelector('#verdict').className;") == "red"
        await scan(page, eticket["code"][:-1] + "X")
        await page.reads("#word", "UNKNOWN")


async def test_a_closed_page_sends_its_queue_when_it_is_opened_again(front: Front, tmp_path: Path) -> None:
    doors = await doors_of(front, 100, max_per_customer=100)
    _, etickets = await doors.bought(51)
    server = str(front.client.make_url(f"/doors/{doors.event['id']}"))
    profile = tmp_path / "browser"
    async with LosingProxy(server) as network:
        async with browsing(network.url, profile) as page:
            await ready(page)
            network.lead_to(NOWHERE)
            network.cut()
            for number, eticket in enumerate(etickets[:50], 1):
                await scan(page, eticket["code"])
                await page.reads("#queued", str(number))
            await page.reads("#word", "SIGNATURE VALID")
            assert await page.evaluate("return document.querySelector('#verdict').className;") == "amber"
            await scan(page, etickets[0]["code"])
            await page.reads("#word", "ALREADY IN")
            spare = etickets[50]["code"]
            await scan(page, spare[:-1] + ("0" if spare[-1] != "0" else "1"))
            await page.reads("#word", "UNKNOWN")
            await page.reload()  # without network the page comes from the browser
            await page.reads("#queued", "50")
            await page.reads("#state", "OFFLINE")
            await scan(page, etickets[0]["code"])
            await page.reads("#word", "ALREADY IN")
        assert [each["status"] for each in await doors.etickets_of_paid()] == ["valid"] * 51
        (profile / "DevToolsActivePort").unlink()  # of the browser that was closed
        network.lead_to(server)
        async with browsing(network.url, profile) as page:
            await page.reads("#queued", "0")

            async def all_are_in() -> bool:
                return [each["status"] for each in await doors.etickets_of_paid()] == ["in"] * 50 + ["valid"]

            await wait_until(all_are_in, 30, "the server has the queue")
            await page.reads("#queued", "0")
            await scan(page, etickets[50]["code"])
            await page.reads("#word", "WELCOME")
