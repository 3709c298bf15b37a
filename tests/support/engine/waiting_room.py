"""An event with a waiting room, as the engine's tests use it."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine.commands.events import Count, PutEvent
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.waiting_rooms import EnterQueue, FindPlace, JoinQueue, LeaveQueue, ReadQueue, SetQueue
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.redis_keys import PartitionKeys, partition_of
from engine.results.events import Counts
from engine.results.result import Result
from engine.results.waiting_rooms import Placed, QueueState
from engine.stock import PoolCapacity
from engine.terms import RoomTerms, Terms, TicketTerms
from engine.waiting_rooms import new_proposal
from engine.words import EventStatus
from tests.support.waiting import wait_until

EVENT, TICKET = 1, 7
_POOL = str(TICKET)
_PASS_TIME = Path(__file__).with_name("pass_room_time.lua").read_text(encoding="utf-8")


class Room:
    """Commands on one waiting room. By default it has been open for a minute, and so has the sale."""

    def __init__(self, engine: Engine, event_id: int = EVENT) -> None:
        self.engine, self.event_id = engine, event_id
        self._version = 0
        self.terms: Terms
        self.capacity = 0

    async def publish(
        self,
        capacity: int = 100,
        *,
        opens_in_ms: int = -60_000,
        sale_in_ms: int = -60_000,
        hold_ms: int = 60_000,
        pass_ms: int = 60_000,
        places: int = 4,
        max_inside: int = 0,
        per_minute: int = 0,
    ) -> None:
        now_ms = await server_time_ms(self.engine.redis)
        self.capacity = capacity
        self.terms = Terms(
            EventStatus.ON_SALE,
            now_ms + sale_in_ms,
            0,
            hold_ms,
            1_000_000,
            [TicketTerms(TICKET, [_POOL], 100)],
            room=RoomTerms(now_ms + opens_in_ms, pass_ms, places, max_inside, per_minute),
        )
        await self._put()

    async def change(self, **fields: Any) -> None:
        """Other terms."""
        self.terms = replace(self.terms, **fields)
        await self._put()

    async def open_sale(self) -> None:
        """The sale opens now."""
        await self.change(opens_ms=await server_time_ms(self.engine.redis))

    async def _put(self) -> None:
        self._version += 1
        terms = replace(self.terms, version=self._version)
        await self.engine.submit(PutEvent(self.event_id, terms, [PoolCapacity(_POOL, self.capacity)]))

    async def read(self, delay_ms: int = 0) -> QueueState:
        state = await self.engine.submit(ReadQueue(self.event_id, *new_proposal(), delay_ms))
        assert isinstance(state, QueueState), state
        return state

    async def try_join(self, customer: str) -> Result:
        return await self.engine.submit(JoinQueue(self.event_id, customer, *new_proposal()))

    async def join(self, customer: str) -> Placed:
        placed = await self.try_join(customer)
        assert isinstance(placed, Placed), placed
        return placed

    async def place(self, customer: str) -> Placed:
        placed = await self.engine.submit(FindPlace(self.event_id, customer))
        assert isinstance(placed, Placed), placed
        return placed

    async def enter(self, customer: str) -> Result:
        return await self.engine.submit(EnterQueue(self.event_id, customer))

    async def leave(self, customer: str) -> Result:
        return await self.engine.submit(LeaveQueue(self.event_id, customer))

    async def say(self, **said: Any) -> QueueState:
        state = await self.engine.submit(SetQueue(self.event_id, *new_proposal(), **said))
        assert isinstance(state, QueueState), state
        return state

    async def hold(self, customer: str, places: int = 1, reservation_id: str = "") -> Result:
        rid = reservation_id or new_reservation_id(self.event_id)
        wish = items_text([(TICKET, places)])
        return await self.engine.submit(Hold(rid, self.event_id, customer, "{}", customer, wish))

    async def cancel(self, reservation_id: str) -> Result:
        return await self.engine.submit(Cancel(reservation_id))

    async def free(self) -> int:
        """Places that can be taken."""
        counts = await self.engine.submit(Count(self.event_id))
        assert isinstance(counts, Counts)
        return counts.tickets[0].available

    @property
    def key(self) -> str:
        """The hash of the room."""
        return PartitionKeys(partition_of(self.event_id, len(self.engine.keys))).queue(self.event_id)

    async def forward(self, ms: int) -> None:
        """Time passes for the room, but not for holds."""
        await self.engine.redis.execute_command("EVAL", _PASS_TIME, 1, self.key, ms)

    async def next_millisecond(self) -> None:
        """Waits for it: a pass counts holds from the millisecond on in which it begins."""
        now_ms = (await self.read()).now_ms

        async def has_come() -> bool:
            return (await self.read()).now_ms > now_ms

        await wait_until(has_come, what="the next millisecond")


def customers(number: int) -> list[str]:
    return [f"customer-{each}" for each in range(number)]


async def served(room: Room, number: int) -> None:
    """Waits, as the room sees it, until that many may enter."""
    for _ in range(200):
        if (await room.read()).serving >= number:
            return
        await room.forward(1000)
    raise AssertionError(f"serving is {(await room.read()).serving}, not {number}")


async def inside(room: Room, customer: str) -> None:
    place = await room.join(customer)
    assert place.position >= 0
    await served(room, place.position + 1)
    assert isinstance(await room.enter(customer), Placed)
