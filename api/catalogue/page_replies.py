"""Answers with public pages, under the settings of this process."""

from aiohttp import web

from api.access.callers import managed_events
from api.http.cached_pages import CachedPage
from api.http.replies import Reply
from engine.settings import Settings

_NONE: frozenset[int] = frozenset()


class PageReplies:
    """Answers with pages: long ones compressed, and marked for caches where a token decides what is shown."""

    def __init__(self, settings: Settings) -> None:
        self._compress_bytes, self._by_token = settings.compress_bytes, settings.auth == "jwt"

    async def reply(self, request: web.Request, page: CachedPage) -> Reply:
        """The answer to a request."""
        return self.marked(request, await page.reply(request, self._compress_bytes))

    def reply_at_once(self, request: web.Request, page: CachedPage) -> Reply | None:
        """The answer to a request; None if it must be compressed beside the event loop first."""
        reply = page.reply_at_once(request, self._compress_bytes)
        return None if reply is None else self.marked(request, reply)

    def marked(self, request: web.Request, reply: Reply) -> Reply:
        """The reply. Its headers tell caches that another token may show more, and that a manager's view is private."""
        if self._by_token:
            reply.headers["Vary"] = "Accept-Encoding, Authorization"
            if managed_events(request) != _NONE:
                reply.headers["Cache-Control"] = "private, no-cache"
        return reply
