"""A pure model of one ticket with a waiting list, written from docs/waiting-list.md and not from `lua/`."""

from dataclasses import dataclass, field

from engine.words import WaitingState


@dataclass
class Waits:
    """An entry of the line."""

    customer: str
    places: int
    state: WaitingState = WaitingState.WAITING


@dataclass
class Ticket:
    """A ticket of `capacity` places. Places are for sale, set aside, taken, or kept off sale."""

    capacity: int
    fills_gaps: bool
    max_per_customer: int
    for_sale: int = 0
    aside: int = 0
    paused: bool = False
    ended: bool = False
    taken: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of each live or paid reservation: its customer and places."""
    line: dict[str, Waits] = field(default_factory=dict)
    """All entries that there ever were, in their order."""

    def places_of(self, customer: str) -> int:
        """Places that a customer has."""
        return sum(places for owner, places in self.taken.values() if owner == customer)

    def waits_for(self, customer: str) -> int:
        """Places that a customer waits for."""
        return sum(each.places for each in self._waiting().values() if each.customer == customer)

    def _waiting(self) -> dict[str, Waits]:
        return {name: each for name, each in self.line.items() if each.state is WaitingState.WAITING}

    def give(self, places: int) -> None:
        """So many places return."""
        if self._waiting():
            self.aside += places
        else:
            self.for_sale += places
        self.serve()

    def set_capacity(self, capacity: int) -> None:
        """What goes was for sale, what comes returns."""
        more, self.capacity = capacity - self.capacity, capacity
        if more < 0:
            lost = min(self.for_sale, -more)
            self.for_sale, self.aside = self.for_sale - lost, self.aside + more + lost
            more = 0
        self.give(more)

    def serve(self) -> None:
        """Offers what can be offered."""
        while not self.paused and not self.ended and self.aside + self.for_sale > 0:
            free = self.aside + self.for_sale
            waiting = {
                name: each for name, each in self._waiting().items() if not self.fills_gaps or each.places <= free
            }
            if not waiting:
                break
            name, first = next(iter(waiting.items()))
            if first.places > self.capacity or self.places_of(first.customer) + first.places > self.max_per_customer:
                first.state = WaitingState.ENDED
            elif first.places <= free:
                from_aside = min(self.aside, first.places)
                self.aside -= from_aside
                self.for_sale -= first.places - from_aside
                first.state = WaitingState.OFFERED
                self.taken[name] = (first.customer, first.places)
            else:
                break
        if not self._waiting():
            self.for_sale, self.aside = self.for_sale + self.aside, 0

    def end(self) -> None:
        """The list is over."""
        self.ended = True
        for each in self._waiting().values():
            each.state = WaitingState.ENDED
        self.serve()

    def give_back(self, name: str, state: WaitingState) -> None:
        """A hold, or an offer, ends with its places for sale again."""
        _, places = self.taken.pop(name)
        if name in self.line:
            self.line[name].state = state
        self.give(places)

    @property
    def held_or_aside(self) -> int:
        """Places that are not for sale, and may be."""
        return self.capacity - self.for_sale
