"""The gate before new holds: they wait as bytes where there is no room, in their order, for a bounded time."""

import asyncio
from typing import cast

from api.direct.hold_gate import HoldGate
from engine.partition import Partition
from tests.support.waiting import wait_until

_WAIT_SECONDS = 0.05
_HOLD = b'POST /v1/reservations HTTP/1.1\r\n\r\n{"items":[{"ticket_id":%d,"quantity":1}]}'
_PAGE = b"GET /v1/events HTTP/1.1\r\n\r\n"
_PAYMENT = b"POST /v1/reservations/1-aaaaaaaaaaaaaaaa/pay HTTP/1.1\r\n\r\n{}"


class Partitions:
    """Two partitions, of tickets 1 and 2."""

    def __init__(self) -> None:
        self.room = {1: True, 2: True}
        self._made = {ticket_id: _Partition(self, ticket_id) for ticket_id in self.room}

    @staticmethod
    def has_room(partition: Partition) -> bool:
        return partition.has_room()

    def of_ticket(self, ticket_id: int) -> Partition | None:
        return cast("Partition | None", self._made.get(ticket_id))


class _Partition:
    def __init__(self, partitions: Partitions, ticket_id: int) -> None:
        self._partitions, self._ticket_id = partitions, ticket_id

    def has_room(self) -> bool:
        return self._partitions.room[self._ticket_id]


class Client:
    """A connection that notes the answer to its request."""

    def __init__(self, gate: HoldGate, log: list[str], name: str) -> None:
        self.early = b""
        self._gate, self._log, self._name = gate, log, name

    def ask(self, data: bytes) -> bool:
        """True if it is let in at once."""
        admitted = self._gate.admits(self, data)
        if not admitted:
            self.early = data
        return admitted

    def look(self) -> bool:
        """True if a page is shown at once."""
        shown = not self._gate.is_crowded() or self._gate.admits_page(self)
        if not shown:
            self.early = _PAGE
        return shown

    def let_in(self) -> None:
        self.early = b""
        self._log.append(f"{self._name} in")

    def refuse(self) -> bool:
        self.early = b""
        self._log.append(f"{self._name} refused")
        return True

    def read_on(self) -> None:
        self._log.append(f"{self._name} read")


def _full_gate(partitions: Partitions, wait_seconds: float = 10) -> HoldGate:
    """A gate behind which a hold waits already."""
    gate = HoldGate(partitions.of_ticket, partitions.has_room, wait_seconds)
    gate.is_full_behind = True
    return gate


async def test_a_hold_waits_for_room_and_nobody_overtakes_it() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions)
    partitions.room[1] = False
    assert not Client(gate, log, "a").ask(_HOLD % 1)
    partitions.room[1] = True
    assert not Client(gate, log, "b").ask(_HOLD % 1), "one waits before it"
    await wait_until(lambda: len(log) == 2)
    assert log == ["a in", "b in"]
    assert Client(gate, log, "c").ask(_HOLD % 1)


async def test_a_full_partition_stops_neither_others_nor_payments() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions)
    partitions.room[1] = False
    assert not Client(gate, log, "full").ask(_HOLD % 1)
    assert Client(gate, log, "other").ask(_HOLD % 2)
    assert Client(gate, log, "unknown").ask(_HOLD % 3)
    assert Client(gate, log, "payer").ask(_PAYMENT)


async def test_a_hold_that_waited_long_is_refused_and_its_client_rests_until_there_is_room() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions, _WAIT_SECONDS)
    partitions.room[1] = False
    began = asyncio.get_running_loop().time()
    Client(gate, log, "a").ask(_HOLD % 1)
    await wait_until(lambda: log == ["a refused"])
    assert asyncio.get_running_loop().time() - began >= _WAIT_SECONDS
    partitions.room[1] = True
    await wait_until(lambda: log == ["a refused", "a read"], 0.5, "it is read again")


async def test_a_client_that_rests_is_read_again_though_there_is_no_room() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions, _WAIT_SECONDS)
    partitions.room[1] = False
    Client(gate, log, "a").ask(_HOLD % 1)
    await wait_until(lambda: log == ["a refused", "a read"])


async def test_a_client_that_is_gone_is_passed_over() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions)
    partitions.room[1] = False
    gone = Client(gate, log, "gone")
    gone.ask(_HOLD % 1)
    Client(gate, log, "b").ask(_HOLD % 1)
    gone.early = b""
    partitions.room[1] = True
    await wait_until(lambda: log == ["b in"])


async def test_a_turn_of_the_loop_lets_only_some_in() -> None:
    partitions, log = Partitions(), list[str]()
    gate = HoldGate(partitions.of_ticket, partitions.has_room, 10)
    admitted = 0
    while Client(gate, log, "x").ask(_HOLD % 1):  # no await: all of this is one turn
        admitted += 1
    assert admitted
    await wait_until(lambda: log == ["x in"])


async def test_pages_get_a_small_share_of_the_time_while_holds_wait() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions)
    assert all(Client(gate, log, "page").look() for _ in range(500)), "nobody waits"
    partitions.room[1] = False
    Client(gate, log, "hold").ask(_HOLD % 1)
    shown = sum(Client(gate, log, "page").look() for _ in range(500))
    assert 0 < shown < 50
    assert not Client(gate, log, "last page").look()
    await wait_until(lambda: log.count("page in") >= 50, what="some are shown at each look")
    assert log.count("page in") < 500 - shown, "but not all of them"
    partitions.room[1] = True
    await wait_until(lambda: not gate.is_crowded())
    assert log.index("hold in") < log.index("last page in")
    assert log.count("page in") + shown == 500
    assert Client(gate, log, "page").look()


async def test_a_reader_who_is_gone_is_passed_over() -> None:
    partitions, log = Partitions(), list[str]()
    gate = _full_gate(partitions)
    partitions.room[1] = False
    Client(gate, log, "hold").ask(_HOLD % 1)
    waiting = [reader for reader in (Client(gate, log, "page") for _ in range(50)) if not reader.look()]
    for reader in waiting:
        reader.early = b""
    partitions.room[1] = True
    await wait_until(lambda: not gate.is_crowded())
    assert log == ["hold in"]


async def test_room_is_looked_at_only_where_somebody_waits() -> None:
    partitions, log = Partitions(), list[str]()
    gate = HoldGate(partitions.of_ticket, partitions.has_room, 10)
    partitions.room = {1: False, 2: False}
    assert Client(gate, log, "first").ask(_HOLD % 1), "behind the gate it finds no room"
    gate.is_full_behind = True
    assert not Client(gate, log, "a").ask(_HOLD % 1)
    gate.is_full_behind = False
    assert not Client(gate, log, "b").ask(_HOLD % 2), "somebody waits at the gate"
    partitions.room = {1: True, 2: True}
    await wait_until(lambda: sorted(log) == ["a in", "b in"])
    assert Client(gate, log, "c").ask(_HOLD % 1)
