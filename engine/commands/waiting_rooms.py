"""Commands on waiting rooms."""

import msgspec

from engine.commands.command import OnEvent
from engine.results.events import UnknownPool
from engine.results.limits import RateLimited
from engine.results.reservations import NotFound
from engine.results.waiting_rooms import InsideFull, Left, NoQueue, NotYourTurn, Placed, QueueClosed, QueueState

NoRoom = UnknownPool | NoQueue

QueueResult = QueueState | NoRoom

JoinResult = Placed | RateLimited | NoRoom | QueueClosed

EnterResult = Placed | RateLimited | NoRoom | NotFound | QueueClosed | NotYourTurn | InsideFull

PlaceResult = Placed | NoRoom | NotFound


class ReadQueue(OnEvent[QueueResult], frozen=True, tag="read_queue"):
    """Reads a waiting room, and lets in who may come in.

    `secret` and `commitment` are of a Proposal (engine/waiting_rooms.py), for a room that is new. `delay_ms`: how long
    answers take here; if too long, fewer are let in.
    """

    reads = True

    secret: str
    commitment: str
    delay_ms: int = 0


class JoinQueue(OnEvent[JoinResult], frozen=True, tag="join_queue"):
    """Gives a customer a place in a waiting room. `secret` and `commitment` as of ReadQueue, `address` as of Hold."""

    takes = True

    customer_id: str
    secret: str
    commitment: str
    address: str = ""


class EnterQueue(OnEvent[EnterResult], frozen=True, tag="enter_queue"):
    """Lets a customer whose turn it is inside, with a pass. `address` as of Hold."""

    takes = True

    customer_id: str
    address: str = ""


class FindPlace(OnEvent[PlaceResult], frozen=True, tag="find_place"):
    """Reads the place of a customer in a waiting room."""

    reads = True

    customer_id: str


class LeaveQueue(OnEvent[Left | NoRoom], frozen=True, tag="leave_queue"):
    """Gives up the place of a customer in a waiting room, and its pass."""

    customer_id: str


class SetQueue(OnEvent[QueueResult], frozen=True, tag="set_queue"):
    """Changes how a waiting room works. Of the lists, an empty one leaves a thing as it is; a number of 0: no limit.

    `secret` and `commitment` as of ReadQueue.
    """

    secret: str
    commitment: str
    paused: list[int] = msgspec.field(default_factory=list)
    max_inside: list[int] = msgspec.field(default_factory=list)
    per_minute: list[int] = msgspec.field(default_factory=list)
    message: list[str] = msgspec.field(default_factory=list)
