"""Documents of waiting rooms as pages that many clients read (api/direct/pages.py)."""

from aiohttp import web

from api.catalogue.cache import CatalogueCache
from api.catalogue.page_replies import PageReplies
from api.http.cached_pages import CachedPage
from api.http.replies import Reply
from api.queue.rooms import Rooms
from engine.settings import Settings
from engine.words import EventStatus

_AUDIT = " audit"


class RoomPages:
    """The shared document and the proof of each waiting room, while what is known of it may be shown."""

    def __init__(self, catalogue: CatalogueCache, rooms: Rooms, settings: Settings) -> None:
        self._catalogue, self._rooms = catalogue, rooms
        self._replies = PageReplies(settings)

    @staticmethod
    def name_of(request: web.Request) -> str:
        """The event's id, and which of the two documents; empty for a path with a query."""
        path, query, _ = request.raw_path.partition("?")
        parts = path.strip("/").split("/")
        return "" if query or not parts[2].isdecimal() else parts[2] + (_AUDIT if parts[-1] == "audit" else "")

    def current(self, name: str, *, waiting: int = 0) -> CachedPage | None:  # nobody waits for it
        """The document of that name, if it is known and a second old at most."""
        event_id = name.removesuffix(_AUDIT)
        event = self._catalogue.known_event(int(event_id)) if event_id else None
        if event is None or event.waiting_room is None or event.status is EventStatus.DRAFT:
            return None
        room = self._rooms.fresh(event.event_id)
        if room is None:
            return None
        return room.audit if name.endswith(_AUDIT) else room.page

    def may_renew(self, name: str) -> bool:
        """False: the room is read again in the ordinary way, and others are shown what is known meanwhile."""
        return False

    async def renew(self, request: web.Request) -> CachedPage | None:
        """None: it must be read in the ordinary way."""
        return None

    def show(self, request: web.Request, page: CachedPage) -> Reply | None:
        """The answer to a request; None if it must be compressed beside the event loop first."""
        return self._replies.reply_at_once(request, page)
