"""A system of the shop's that receives webhooks, as its owner writes it: it verifies with the library."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

Answer = Callable[["Message"], int | Awaitable[int]]


class Message(NamedTuple):
    """A message whose signature was right, and the answer it got."""

    message_id: str
    body: dict[str, Any]
    status: int = 0

    @property
    def kind(self) -> str:
        return str(self.body["type"])

    @property
    def subject(self) -> str:
        return str(self.body["data"].get("id"))


class Receiver:
    """An endpoint. `answer` decides on the status of each answer, and may take its time; `secret` may be changed.

    `retry_after` goes with each answer that is no success.
    """

    def __init__(self) -> None:
        self.secret = ""
        self.retry_after = ""
        self.got: list[Message] = []
        self.headers: list[dict[str, str]] = []
        self.under_way = 0
        self.most_at_once = 0
        self.answer: Answer = lambda _message: 204
        app = web.Application()
        app.router.add_post("/hooks", self._receive)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hooks"))

    @property
    def taken(self) -> list[Message]:
        """The messages that were answered with success, in order."""
        return [message for message in self.got if 200 <= message.status < 300]

    def told_of(self, subject: str) -> list[str]:
        """The kinds of messages taken about a subject, in order."""
        return [message.kind for message in self.taken if message.subject == subject]

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        body = Webhook(self.secret).verify(raw, dict(request.headers))
        self.headers.append(dict(request.headers))
        message = Message(request.headers["webhook-id"], body)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            status = self.answer(message)
            if not isinstance(status, int):
                async with asyncio.timeout(30):
                    status = await status
        finally:
            self.under_way -= 1
        self.got.append(message._replace(status=status))
        headers = {"Location": "/hooks"} if 300 <= status < 400 else {}
        if status >= 300 and self.retry_after:
            headers["Retry-After"] = self.retry_after
        return web.Response(status=status, headers=headers)
