"""docs/webhooks.md: its command and its receiver run as they stand there, and it names what there is."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.routes import ROUTES
from engine.settings import PREFIX, Settings
from sync.webhooks.messages import WebhookEvent
from tests.support.api.api_client import Front
from tests.support.waiting import wait_until

Receive = Callable[[str, dict[str, str], bytes], tuple[int, dict[str, Any] | None]]


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "webhooks.md").read_text(encoding="utf-8")


def block(page: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(found)


def test_it_names_what_there_is(page: str) -> None:
    assert {each for each in re.findall(r"`((?:reservation|booking|event|eticket|waiting_list)\.\w+)`", page)} == {
        event.value for event in WebhookEvent
    }
    settings = {name.removeprefix(PREFIX).lower() for name in re.findall(rf"{PREFIX}\w+", page)}
    assert settings <= set(Settings.__struct_fields__)
    ours = {(route.method, re.sub(r"{webhook_id}", "{id}", route.path)) for route in ROUTES if "webhook" in route.path}
    assert set(re.findall(r"`(GET|POST|PATCH|DELETE) (/v1/webhooks[^`?\s]*)", page)) == ours


@pytest.mark.usefixtures("sync")
async def test_its_command_registers_and_its_receiver_takes(page: str, front: Front) -> None:
    names: dict[str, Any] = {}
    exec(block(page, "python"), names)  # noqa: S102  # our own page
    receive: Receive = names["receive"]
    secret, messages = "", list[dict[str, Any]]()

    async def hooks(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, message = receive(secret, headers, await request.read())
        if message is not None:
            messages.append(message)
            assert receive(secret, headers, await request.read()) == (204, None), "the same again is known"
            assert receive(secret, headers, b"{}") == (401, None)
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/hooks", hooks)
    async with TestServer(app) as server:
        command = block(page, "sh").replace("127.0.0.1:9000", f"127.0.0.1:{server.port}")
        command = command.replace("http://127.0.0.1:8080/", str(front.client.make_url("/")))
        shell = await asyncio.create_subprocess_exec("bash", "-euc", command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(10):
            printed, _ = await shell.communicate()
        secret = json.loads(printed)["secret"]
        event = await front.event(5, price=1500)
        await front.paid((event["tickets"][0]["id"], 2))
        await wait_until(lambda: len(messages) == 2)
    assert [message["type"] for message in messages] == ["reservation.held", "reservation.paid"]
    shown = json.loads(block(page, "json"))
    assert shapes_of(messages[1]) == shapes_of(shown)


def shapes_of(value: Any) -> Any:
    """The members and the types of their values."""
    if isinstance(value, dict):
        return {name: shapes_of(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shapes_of(member) for member in value]
    return type(value)
