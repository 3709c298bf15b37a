"""Keys beside the stock (codes, waiting lists, waiting rooms, doors): a damaged one is found before the first write."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.exceptions import ResponseError

from engine.commands.codes import PutCodes
from engine.commands.command import Command
from engine.commands.etickets import CheckIn, TransferEticket
from engine.commands.events import Drop, PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Cancel, Hold
from engine.commands.items import ANY_TOTAL, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.refunds import Refund, RefundSome
from engine.commands.waiting_lists import DeclineWaiting, Wait
from engine.commands.waiting_rooms import EnterQueue, JoinQueue, LeaveQueue
from engine.engine import Engine
from engine.errors import EngineBug
from engine.redis_keys import PartitionKeys
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import CodeTerms, RoomTerms, Terms, TicketTerms, WaitingTerms
from engine.waiting_rooms import new_proposal
from engine.words import CodeKind, DiscountForm, EventStatus
from tests.support.engine.coded_event import allocation

SALE, LINE, ROOM, SPARE = 1, 2, 3, 4
STOCK = frozenset(PartitionKeys(0).fixed)
VIP, REGULAR = 7, 8
SNAPSHOT = (Path(__file__).parents[2] / "support/engine/snapshot.lua").read_text(encoding="utf-8")
HALF = CodeTerms(CodeKind.DISCOUNT, form=DiscountForm.PERCENT, amount=50)
SECRET = new_proposal()

_RESTORE = """
redis.call('FLUSHDB')
for i = 1, #ARGV, 3 do
  redis.call('RESTORE', ARGV[i], ARGV[i + 2], ARGV[i + 1], 'ABSTTL')
end
"""


def rid(event_id: int, name: str) -> str:
    return f"{event_id}-{name:_<16}"


def hold(event_id: int, name: str, places: int = 1, code: str = "", customer: str = "") -> Hold:
    customer = customer or name
    return Hold(rid(event_id, name), event_id, customer, "{}", "d", items_text([(VIP, places)]), code=code)


def pay(event_id: int, name: str, amount: int) -> tuple[Command[Any], ...]:
    return BeginPayment(rid(event_id, name), "pay", amount, "d"), ConfirmPayment(rid(event_id, name), "pay")


def put(event_id: int, **more: Any) -> PutEvent:
    tickets = [TicketTerms(VIP, [str(VIP)], 100), TicketTerms(REGULAR, [str(REGULAR)], 50)]
    terms = replace(Terms(EventStatus.ON_SALE, 0, 0, 900_000, 20, tickets), **more)
    return PutEvent(
        event_id, terms, [PoolCapacity(str(VIP), 6 if event_id == SALE else 4), PoolCapacity(str(REGULAR), 4)]
    )


def wait(name: str) -> Wait:
    return Wait(LINE, rid(LINE, name), name, "{}", "{}", "d", VIP, 1)


ROWS: dict[str, Command[Any]] = {
    "put an allocation": PutCodes(SALE, allocation(1), ["GUESTS"]),
    "put another discount": PutCodes(SALE, HALF, ["SPRING"]),
    "withdraw": PutCodes(SALE, replace(HALF, withdrawn=True), ["HALF"]),
    "hold under a code": hold(SALE, "new", code="HALF"),
    "confirm under a code": ConfirmPayment(rid(SALE, "paying"), "pay"),
    "cancel under a code": Cancel(rid(SALE, "held")),
    "refund": Refund(rid(SALE, "paid"), restock=True),
    "refund_some": RefundSome(rid(SALE, "paid"), "some", False, [(VIP, 1)]),
    "exchange": Exchange(rid(SALE, "paid"), "x", items_text([(REGULAR, 2)]), ANY_TOTAL, True, False, "d"),
    "transfer": TransferEticket(SALE, 0, '{"first_name":"Sen"}', "request"),
    "check_in": CheckIn(SALE, 0, 0, "", "gate", "nonce", "in", 0, False, (0, 0, 0)),
    "wait": wait("new"),
    "decline": DeclineWaiting(rid(LINE, "second")),
    "decline an offer": DeclineWaiting(rid(LINE, "first")),
    "give back what is waited for": Cancel(rid(LINE, "rest")),
    "join": JoinQueue(ROOM, "new", *SECRET),
    "enter": EnterQueue(ROOM, "second"),
    "leave": LeaveQueue(ROOM, "inside"),
    "hold inside": hold(ROOM, "new", customer="inside"),
    "cancel inside": Cancel(rid(ROOM, "held")),
    "drop": Drop(SPARE, 0),
}


class Partition:
    """A partition with something in each key beside the stock, that can be put back as it was."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._stored: list[Any] = []

    async def execute(self, *arguments: Any) -> Any:
        return await self.engine.redis.execute_command(*arguments)

    async def fill(self) -> None:
        submit = self.engine.submit
        waiting, room = WaitingTerms(900_000, 0), RoomTerms(1, 900_000, 3)
        for command in (put(SALE), put(LINE, waiting=waiting), put(ROOM, room=room), put(SPARE)):
            await submit(command)
        for codes in (PutCodes(SALE, HALF, ["HALF"]), PutCodes(SPARE, allocation(1), ["SPARE"])):
            await submit(codes)
        for name in ("held", "paying", "paid"):
            await submit(hold(SALE, name, 2 if name == "paid" else 1, "HALF"))
        await submit(BeginPayment(rid(SALE, "paying"), "pay", 50, "d"))
        for step in pay(SALE, "paid", 100):
            await submit(step)
        await submit(hold(LINE, "one"))
        await submit(hold(LINE, "rest", 3))
        await submit(wait("first"))
        await submit(wait("second"))
        await submit(Cancel(rid(LINE, "one")))
        for customer in ("inside", "second"):
            await submit(JoinQueue(ROOM, customer, *SECRET))
        for _ in range(3):
            await submit(EnterQueue(ROOM, "inside"))
        await submit(hold(ROOM, "held", customer="inside"))
        for key in await self.execute("KEYS", "*"):
            dump, expires_ms = await self.execute("DUMP", key), await self.execute("PEXPIRETIME", key)
            self._stored += [key, dump, max(expires_ms, 0)]

    async def restore(self) -> None:
        await self.execute("EVAL", _RESTORE, 0, *self._stored)

    async def read(self) -> dict[str, Any]:
        """The content of each key, by its name."""
        _, *found = await self.execute("EVAL", SNAPSHOT, 0)
        return {key.decode(): (kind, value) for key, kind, value, _ in found}

    async def run(self, command: Command[Any]) -> Any:
        try:
            return await self.engine.submit(command)
        except (EngineBug, ResponseError) as error:
            return error


@pytest.fixture
async def partition(unsynced_settings: Settings) -> AsyncIterator[Partition]:
    async with Engine(replace(unsynced_settings, partitions=1)) as engine:
        partition = Partition(engine)
        await partition.fill()
        yield partition
        await partition.restore()


def beside_stock(key: str) -> bool:
    return key not in STOCK and ":hold:" not in key


@pytest.mark.parametrize("row", ROWS)
async def test_a_key_of_a_wrong_type_is_found_before_the_first_write(partition: Partition, row: str) -> None:
    whole = await partition.read()
    answer = await partition.run(ROWS[row])
    assert not isinstance(answer, Exception), answer
    after = await partition.read()
    written = [key for key in sorted(whole.keys() | after) if whole.get(key) != after.get(key) and beside_stock(key)]
    assert written, "it writes beside the stock"
    for key in written:
        await partition.restore()
        await partition.execute("DEL", key)
        await partition.execute("RPUSH", key, "a list")
        damaged = await partition.read()
        assert isinstance(await partition.run(ROWS[row]), Exception), key
        assert await partition.read() == damaged, key
