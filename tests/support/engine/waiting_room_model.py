"""The rules of a waiting room, stated a second time: who has which place, who is inside, and what a pass buys.

How fast the watermark rises is a matter of time, so that is observed; what follows from it is worked out here.
"""

from dataclasses import dataclass, field

from engine.waiting_rooms import digest_of, position_of, seed_of


@dataclass
class Pass:
    """The pass of a customer: how many places it has taken, and whether it has ended."""

    number: int
    used: int = 0
    ended: bool = False


@dataclass
class Taken:
    """Places of a hold, and the pass that took them."""

    customer: str
    places: int
    pass_number: int


@dataclass
class WaitingRoom:
    """A room, in front of a sale of that many places."""

    capacity: int
    places_per_pass: int
    max_inside: int
    joins: list[str] = field(default_factory=list)
    """Everybody who joined, in that order; customers who left and joined again, twice."""
    places: dict[str, int] = field(default_factory=dict)
    """The index of each customer who has a place."""
    passes: dict[str, Pass] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)
    cohort: int | None = None
    seed: str = ""
    paused: bool = False
    _given: int = 0

    def join(self, customer: str) -> int:
        """Gives the customer a place, or tells the one that it has."""
        if customer not in self.places:
            self.places[customer] = len(self.joins)
            self.joins.append(customer)
        return self.places[customer]

    def leave(self, customer: str) -> None:
        """The customer gives up its place and its pass, and keeps what it holds."""
        self.places.pop(customer, None)
        self.passes.pop(customer, None)

    def draw(self, secret: str, event_id: int) -> None:
        """The sale opens."""
        self.cohort = len(self.joins)
        self.seed = seed_of(secret, event_id, self.cohort, self.digest())

    def digest(self) -> str:
        """The digest over all who joined before the draw."""
        return digest_of(self.joins[: self.cohort])

    def position(self, customer: str) -> int:
        """The position of a customer who has a place; -1 before the draw."""
        return -1 if self.cohort is None else position_of(self.places[customer], self.cohort, self.seed)

    def inside(self) -> list[Pass]:
        """The passes that are valid."""
        return [each for each in self.passes.values() if not each.ended]

    def idle(self) -> int:
        """The number of customers inside who have taken no place."""
        return sum(each.used == 0 for each in self.inside())

    def free(self) -> int:
        """Places that nobody holds."""
        return self.capacity - sum(each.places for each in self.taken.values())

    def has_space(self) -> bool:
        """True if one more may come inside: those inside without a place are promised free ones only."""
        promised = max(1, self.free() // self.places_per_pass) if self.free() > 0 else 0
        return not self.paused and len(self.inside()) < self.max_inside and self.idle() < promised

    def is_inside(self, customer: str) -> bool:
        """True if the customer has a valid pass."""
        return customer in self.passes and not self.passes[customer].ended

    def enter(self, customer: str) -> None:
        """The customer gets a pass."""
        self._given += 1
        self.passes[customer] = Pass(self._given)

    def hold(self, rid: str, customer: str, places: int) -> None:
        """A customer who is inside takes places."""
        mine = self.passes[customer]
        mine.used += places
        self.taken[rid] = Taken(customer, places, mine.number)

    def cancel(self, rid: str) -> None:
        """Places are for sale again; the pass that took them may take others."""
        gone = self.taken.pop(rid)
        mine = self.passes.get(gone.customer)
        if mine and not mine.ended and mine.number == gone.pass_number:
            mine.used -= gone.places

    def end_passes(self) -> None:
        """The time of all passes is over."""
        for each in self.passes.values():
            each.ended = True
