"""The page of a waiting room, as a customer uses it, and the program with which anybody checks the order."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import api.shop.handlers
from engine.waiting_rooms import commitment_of, digest_of, position_of, seed_of
from tests.support.api.api_client import Front, Json
from tests.support.api.browser import Page, browsing

LATER, LONG_AGO = "2037-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
ORDER = Path(api.shop.handlers.__file__).with_name("page") / "order.js"
SECRET = "5e" * 32

Open = Callable[[Json], Awaitable[Page]]


@pytest.fixture
async def open_page(front: Front, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the page of an event's room."""
    async with AsyncExitStack() as stack:

        async def opened(event: Json) -> Page:
            url = str(front.client.make_url(f"/shop/queue/{event['id']}"))
            return await stack.enter_async_context(browsing(url, tmp_path / "browser"))

        yield opened


async def join(front: Front, event: Json, customers: int) -> None:
    for number in range(customers):
        await front.call("POST", f"/v1/events/{event['id']}/queue?customer_id=other-{number}")


async def test_a_customer_joins_waits_and_enters_and_sees_the_proof(front: Front, open_page: Open) -> None:
    room = {"opens_at": LONG_AGO, "per_minute": 60}
    event = await front.event(100, waiting_room=room, sale_opens_at=LATER)
    path = f"/v1/events/{event['id']}"
    await join(front, event, 5)
    page = await open_page(event)
    await page.reads("#status", "the order is then drawn by lot")
    await page.click("Join the waiting room")
    await page.reads("#status", "You are in.")
    await page.reads("#figures", "Your number\n6")
    await join(front, event, 12)
    await page.reads("#figures", "Joined so far\n13")

    await front.call("PATCH", path, {"sale_opens_at": LONG_AGO})
    await page.reads("#checks", "before the draw")
    customer = await page.evaluate("return JSON.parse(localStorage.getItem('onsale:customer'))")
    place = (await front.get(f"{path}/queue/place", customer_id=customer)).body
    await page.reads("#figures", f"Your place in the order\n{place['position'] + 1}")
    await page.reads(
        "#checks", f"This page computed your place in the order, {place['position'] + 1}, from your number, 6."
    )
    await page.click("Compute all places")
    await page.reads("#checks", "All 13 places were computed: each is there exactly once.")
    assert await page.evaluate("return document.querySelectorAll('#checks .wrong').length") == 0
    assert await page.evaluate("return document.querySelectorAll('#checks .right').length") == 5

    await front.call("PATCH", f"{path}/queue", {"per_minute": None, "message": "Doors open at seven."})
    await page.reads("#message", "Doors open at seven.")
    await page.reads("#status", "It is your turn.")
    await page.click("Enter")
    await page.reads("#status", "You are inside.")
    await page.reads("#clock", ":")
    await page.reload()
    await page.reads("#status", "You are inside.")
    await front.call("PATCH", path, {"status": "closed"})
    await page.reads("#status", "It is over. The sale has ended.")


async def test_a_place_can_be_given_up(front: Front, open_page: Open) -> None:
    event = await front.event(100, waiting_room={"opens_at": LONG_AGO}, sale_opens_at=LATER)
    page = await open_page(event)
    await page.click("Join the waiting room")
    await page.click("Give up my place")
    await page.click("Give it up")
    await page.click("Join the waiting room")
    await page.reads("#figures", "Your number\n2")


async def test_an_order_that_was_changed_is_shown_to_be_wrong(front: Front, open_page: Open) -> None:
    event = await front.event(100, waiting_room={"opens_at": LONG_AGO}, sale_opens_at=LATER)
    page = await open_page(event)
    await page.click("Join the waiting room")
    await page.reads("#figures", "Your number\n1")
    await page.evaluate(f"""
      const name = 'onsale:commitment-{event["id"]}', seen = JSON.parse(sessionStorage.getItem(name));
      sessionStorage.setItem(name, JSON.stringify({{...seen, commitment: '00'}}));
    """)
    await front.call("PATCH", f"/v1/events/{event['id']}", {"sale_opens_at": LONG_AGO})
    await page.reads("#checks", "Wrong: The commitment is the one that this page saw")


async def test_events_without_a_room_say_so(front: Front, open_page: Open) -> None:
    page = await open_page(await front.event(100))
    await page.reads("#status", "This event has no waiting room.")


@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_is_wider_than_the_page(front: Front, open_page: Open, width: int) -> None:
    event = await front.event(100, waiting_room={"opens_at": LONG_AGO, "per_minute": 60}, sale_opens_at=LONG_AGO)
    await join(front, event, 40)
    page = await open_page(event)
    await page.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    await page.click("Join the waiting room")
    await page.reads("#status", "ahead of you")
    await page.click("The figures")
    assert await page.evaluate("return document.documentElement.scrollWidth") <= width


async def node(program: str, folder: Path, *arguments: str) -> Any:
    """The output of a program beside order.mjs, as JSON."""
    path = shutil.which("node")
    assert path, "this test runs JavaScript: apt-get install nodejs"
    (folder / "order.mjs").write_text(ORDER.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "program.mjs").write_text(program, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        path, folder / "program.mjs", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_documented_program_computes_the_same_order_in_javascript(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "waiting-room.md").read_text(encoding="utf-8")
    assert f"```js\n{ORDER.read_text(encoding='utf-8')}```" in text, "docs/waiting-room.md shows another order.js"
    audits: list[Json] = []
    for cohort in (0, 1, 2, 3, 100, 1000):
        names = [f"customer-{number}" for number in range(cohort)]
        seed = seed_of(SECRET, 7, cohort, digest_of(names))
        audits.append(
            {
                "event_id": 7,
                "commitment": commitment_of(SECRET),
                "secret": SECRET,
                "cohort": cohort,
                "digest": digest_of(names),
                "seed": seed,
            }
        )
    wrong = [
        audits[4] | changed for changed in ({"secret": "00" * 32}, {"digest": ""}, {"seed": "00" * 20}, {"cohort": 99})
    ]
    program = """
      import { position, sha1, verify } from "./order.mjs";
      const audits = JSON.parse(process.argv[2]);
      const answers = [];
      for (const audit of audits) {
        const indexes = [...Array(audit.cohort + 2).keys()];
        const positions = indexes.map((index) => position(index, audit.cohort, audit.seed));
        answers.push([await verify(audit), positions]);
      }
      console.log(JSON.stringify(answers));
    """
    answers = await node(program, tmp_path, json.dumps(audits + wrong))
    for audit, (verdict, positions) in zip(audits, answers, strict=False):
        assert verdict == {"secret": True, "seed": True, "order": True}
        assert positions == [position_of(index, audit["cohort"], audit["seed"]) for index in range(audit["cohort"] + 2)]
    verdicts = [verdict for verdict, _ in answers[len(audits) :]]
    assert [verdict["secret"] for verdict in verdicts] == [False, True, True, True]
    assert [verdict["seed"] for verdict in verdicts] == [False, False, False, False]


async def test_sha1_of_texts_of_all_lengths(tmp_path: Path) -> None:
    program = """
      import { sha1 } from "./order.mjs";
      const sizes = [...Array(200).keys()];
      console.log(JSON.stringify(sizes.map((size) => sha1("ż".repeat(size % 7) + "a".repeat(size)))));
    """
    texts = ["ż" * (size % 7) + "a" * size for size in range(200)]
    expected = [hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() for text in texts]
    assert await node(program, tmp_path) == expected
