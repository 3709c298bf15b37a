"""Answers that many clients read: encoded, compressed and tagged once, however many ask."""

import asyncio
from collections import OrderedDict
from http import HTTPStatus
from typing import Generic, TypeVar

from aiohttp import web

from api.http.compression import accepted_coding, compressed
from api.http.entity_tags import strong_tag
from api.http.replies import Reply, cache_headers, coded_tag, has_tag, opaque_tag

_JSON = "application/json"

_IN_A_THREAD_BYTES = 16_384
"""Above, compressing takes longer than handing it to a thread."""

_OF_AN_ENTRY_BYTES = 2000
"""The approximate memory of an entry besides its texts."""


class CachedPage:
    """JSON that caches may show for `max_age` seconds before they ask again.

    `tag_of`: what the ETag stands for, where that is not all of the body. The ETag is a weak one: what it stands for
    may be compressed, or tell another instant. `revision`: of what managers change; then it is a strong one.
    """

    __slots__ = ("_codings", "_headers", "_making", "_not_modified", "_tag", "body")

    def __init__(self, body: bytes, *, max_age: int, tag_of: bytes | None = None, revision: int | None = None) -> None:
        self.body = body
        self._tag = opaque_tag(body if tag_of is None else tag_of)
        self._not_modified = cache_headers(self._tag, max_age)
        if revision is not None:
            self._tag = self._not_modified["ETag"] = strong_tag(revision, body)
        self._headers = self._not_modified | {"Content-Type": _JSON}
        self._codings: dict[str, bytes] = {}
        self._making: dict[str, asyncio.Future[bytes]] = {}

    async def reply(self, request: web.Request, compress_bytes: int) -> Reply:
        """The answer: 304 if the client has it, compressed if it is long and the client accepts that."""
        while (reply := self.reply_at_once(request, compress_bytes)) is None:
            await self._code(accepted_coding(request.headers.get("Accept-Encoding", "")) or "")
        return reply

    def reply_at_once(self, request: web.Request, compress_bytes: int) -> Reply | None:
        """The answer; None if it must be compressed beside the event loop first."""
        is_long = len(self.body) >= compress_bytes
        coding = accepted_coding(request.headers.get("Accept-Encoding", "")) if is_long else None
        coded = {} if coding is None else {"ETag": coded_tag(self._not_modified["ETag"], coding)}
        known = request.headers.get("If-None-Match")
        if known and has_tag(known, self._tag):
            return Reply(b"", self._not_modified | coded, HTTPStatus.NOT_MODIFIED, coded=True)
        if coding is None:
            return Reply(self.body, self._headers.copy(), coded=True)
        body = self._codings.get(coding)
        if body is None:
            if len(self.body) >= _IN_A_THREAD_BYTES:
                return None
            body = self._codings[coding] = compressed(self.body, coding)
        return Reply(body, self._headers | coded | {"Content-Encoding": coding}, coded=True)

    async def _code(self, coding: str) -> None:
        """Compresses the body beside the event loop, once for all who wait for that."""
        making = self._making.get(coding)
        if making is None:
            making = self._making[coding] = asyncio.get_running_loop().run_in_executor(
                None, compressed, self.body, coding
            )
        self._codings[coding] = await asyncio.shield(making)
        self._making.pop(coding, None)


P = TypeVar("P", bound=CachedPage)


class PageCache(Generic[P]):
    """The pages that were read last, by what was asked for; all together of at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pages: OrderedDict[str, P] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self.size = 0
        """Bytes of all pages, roughly: each is counted as if it were kept compressed, too."""

    def get(self, asked: str) -> P | None:
        """The page that was kept for what is asked."""
        page = self._pages.get(asked)
        if page is not None:
            self._pages.move_to_end(asked)
        return page

    def put(self, asked: str, page: P) -> None:
        """Keeps a page; those that were not read for longest give way."""
        self._forget(asked)
        size = 2 * len(page.body) + len(asked) + _OF_AN_ENTRY_BYTES
        if size > self._max_bytes:
            return
        self._pages[asked], self._sizes[asked] = page, size
        self.size += size
        while self.size > self._max_bytes:
            self._forget(next(iter(self._pages)))

    def _forget(self, asked: str) -> None:
        if self._pages.pop(asked, None) is not None:
            self.size -= self._sizes.pop(asked)
