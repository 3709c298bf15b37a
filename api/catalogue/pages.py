"""Public pages of the catalogue, built once for any number of clients.

A page consists of texts that are made once, too: an event's, and one for each of its tickets. Counts change all the
time in a sale. Then a list is joined from the unchanged texts and the few new ones.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from api.access.callers import managed_events
from api.catalogue.cache import CatalogueCache
from api.catalogue.on_sale import NEVER_MS, next_turn_ms
from api.catalogue.page_replies import PageReplies
from api.catalogue.stock import CROWD, Known, Stock, Watch, told_ms
from api.catalogue.views import EventCounts, event_view, is_available
from api.http.cached_pages import CachedPage, PageCache
from api.http.replies import JSON, Reply
from api.http.times import wall_clock_ms
from engine.errors import Fault
from engine.settings import Settings

PUBLIC_PAGES: web.AppKey["PublicPages"] = web.AppKey("public_pages")

_ENCODER = msgspec.json.Encoder()


class TicketText(NamedTuple):
    """A ticket as the API shows it, and whether places of it can be bought."""

    ticket_id: int
    text: bytes
    available: bool


class EventTexts(NamedTuple):
    """An event as the API shows it, and its tickets by id. They are so until a sale of it opens or closes.

    `public_text`: without hidden tickets, for all but its managers.
    """

    text: bytes
    public_text: bytes
    tickets: dict[int, TicketText]
    until_ms: int


class _Recipe(NamedTuple):
    """The making of a page from what it shows, as long as the catalogue stays (PublicPages.make)."""

    things: Sequence[Known[Any]]
    body: Callable[[], bytes]
    tag_of: Callable[[], bytes] | None
    max_age: int
    own: bool
    dated: Known[Any] | None
    revision: int | None


class _Page(CachedPage):
    """A page with what it shows: it is good while the catalogue stays and what it watches does not change."""

    __slots__ = ("_told_ms", "_until_ms", "change", "number", "recipe", "watch")

    def __init__(self, recipe: _Recipe, change: int, watch: Watch) -> None:
        tag = recipe.tag_of() if recipe.tag_of else None
        super().__init__(recipe.body(), max_age=recipe.max_age, tag_of=tag, revision=recipe.revision)
        self.recipe, self.change, self.watch, self.number = recipe, change, watch, watch.number
        self._told_ms = told_ms(recipe.dated) if recipe.dated else 0
        turns = [known.made.until_ms for known in recipe.things if isinstance(known.made, EventTexts)]
        self._until_ms = min(turns, default=NEVER_MS)

    def is_of(self, change: int, number: int) -> bool:
        """True if it shows that change of the catalogue and that number of the stock, at its stated instant."""
        return (
            self.number == number
            and self.change == change
            and (self.recipe.dated is None or told_ms(self.recipe.dated) == self._told_ms)
            and wall_clock_ms() < self._until_ms
        )


class PublicPages:
    """Pages by what was asked for: the path with its query, as it was sent, and the events whose drafts are shown.

    A page with drafts that only its manager may see is for no cache but that manager's own.
    """

    def __init__(self, catalogue: CatalogueCache, stock: Stock, settings: Settings) -> None:
        self._catalogue, self._stock = catalogue, stock
        self._replies = PageReplies(settings)
        self._pages: PageCache[_Page] = PageCache(settings.page_cache_bytes)

    @staticmethod
    def name_of(request: web.Request) -> str:
        """The name of what is asked for: the path, and the events whose drafts are shown."""
        managed = managed_events(request)
        if managed is None:
            return f"{request.raw_path} *"
        if not managed:
            return request.raw_path
        return f"{request.raw_path} {sorted(managed)}"

    async def ready(self, request: web.Request, *, own: bool = True) -> Reply | None:
        """The page that is asked for, if it is there and still so; looks at what is left if it must. Raises Fault."""
        page = self._pages.get(self.name_of(request))
        if page is None or page.change != self._catalogue.change:
            return None
        if not self._stock.is_good(page.watch, own=own):
            await self._stock.look(page.watch, own=own)
        if not page.is_of(self._catalogue.change, page.watch.number):
            return None
        return await self._replies.reply(request, page)

    async def ready_if_whole(self, request: web.Request) -> Reply | None:
        """The same of a list; None too if some of it is unknown now, because a shard of a cluster is away."""
        try:
            return await self.ready(request)
        except Fault:
            return None

    def current(self, name: str, *, waiting: int = 0) -> CachedPage | None:
        """The page of that name, if it may be shown without another look at what is left.

        Where a crowd waits for it already, changes that this process made meanwhile are ignored.
        """
        page = self._pages.get(name)
        if page is None or page.change != self._catalogue.change:
            return None
        if not self._stock.is_good(page.watch, own=page.recipe.own and waiting < CROWD):
            return None
        return page if page.is_of(page.change, page.watch.number) else None

    def may_renew(self, name: str) -> bool:
        """True if the page of that name is known, and only what is left may have changed."""
        page = self._pages.get(name)
        return page is not None and page.change == self._catalogue.change

    async def renew(self, request: web.Request) -> CachedPage | None:
        """The page after another look at what is left, ready to be shown. Raises Fault, or what making it raises.

        None: the catalogue has changed, so it must be read in the ordinary way.
        """
        name = self.name_of(request)
        page = self._pages.get(name)
        if page is None:
            return None
        await self._stock.look(page.watch, own=page.recipe.own)
        if page.change != self._catalogue.change:
            return None
        if not page.is_of(page.change, page.watch.number):
            page = _Page(page.recipe, page.change, page.watch)
            self._pages.put(name, page)
        await self._replies.reply(request, page)  # long ones are compressed beside the event loop
        return page

    def show(self, request: web.Request, page: CachedPage) -> Reply | None:
        """The answer to a request; None if it must be compressed beside the event loop first."""
        return self._replies.reply_at_once(request, page)

    async def make(
        self,
        request: web.Request,
        things: Sequence[Known[Any]],
        body: Callable[[], bytes],
        *,
        max_age: int = 0,
        own: bool = True,
        tag_of: Callable[[], bytes] | None = None,
        dated: Known[Any] | None = None,
        revision: int | None = None,
    ) -> Reply:
        """The page whose body, and what its ETag stands for, are made once the things that it shows may be shown.

        `dated`: the body tells the instant at which this was so. `revision`: of what managers change, for a strong
        ETag. Raises Fault, or what making raises.
        """
        change = self._catalogue.change
        watch = Watch(things)
        await self._stock.look(watch, own=own)
        page = self._pages.get(self.name_of(request))
        if page is None or not page.is_of(change, watch.number):  # else somebody else has made it meanwhile
            if request.method == "HEAD":
                return self._replies.marked(
                    request, Reply(b"", {"Content-Type": JSON}, coded=True)
                )  # nobody sees a body
            page = _Page(_Recipe(things, body, tag_of, max_age, own, dated, revision), change, watch)
            self._pages.put(self.name_of(request), page)
        return await self._replies.reply(request, page)


def event_texts(known: Known[EventCounts]) -> EventTexts:
    """The texts of an event whose counts are known, as of now."""
    texts, now_ms = known.made, wall_clock_ms()
    if not isinstance(texts, EventTexts) or now_ms >= texts.until_ms:
        event = known.event
        counts = known.value or EventCounts(0, {})
        view = event_view(event, counts, now_ms)
        tickets = {
            ticket.id: TicketText(ticket.id, _ENCODER.encode(ticket), is_available(event, ticket, now_ms))
            for ticket in view.tickets
        }
        text = public = _ENCODER.encode(view)
        if any(ticket.hidden for ticket in view.tickets):
            public = _ENCODER.encode(event_view(event, counts, now_ms, hidden=False))
        texts = known.made = EventTexts(text, public, tickets, next_turn_ms(event, now_ms))
    return texts


def event_text(known: Known[EventCounts], managed: frozenset[int] | None) -> bytes:
    """An event as those who manage these events may see it; None: all."""
    texts = event_texts(known)
    return texts.text if managed is None or known.event.event_id in managed else texts.public_text


def list_text(items: Sequence[bytes], next_cursor: str | None) -> bytes:
    """A page of a list, of the texts of its items."""
    return b'{"items":[%b],"next_cursor":%b}' % (b",".join(items), _ENCODER.encode(next_cursor))
