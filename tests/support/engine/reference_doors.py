"""The rules of the doors once more, stated apart from Lua: e-tickets of one event, and what gates are answered."""

from dataclasses import dataclass, field


@dataclass
class ModelTicket:
    """An e-ticket: whose it is, which places it is one of, and each way that somebody went with it."""

    owner: str
    place: tuple[int, str, int]
    issue: int = 0
    void: bool = False
    ways: list[tuple[int, int, str, str]] = field(default_factory=list)
    """Instant, order of telling, direction, gate."""

    @property
    def state(self) -> str:
        if self.void:
            return "void"
        return max(self.ways)[2] if self.ways else "valid"

    @property
    def first_in_ms(self) -> int:
        return min((at for at, _, direction, _ in self.ways if direction == "in"), default=0)


@dataclass(frozen=True)
class ModelAnswer:
    """The answer to a scan; the number is -1 for a code of no e-ticket."""

    result: str
    number: int
    other: tuple[str, int] = ("", 0)


class DoorsModel:
    """The doors of an event."""

    def __init__(self) -> None:
        self.tickets: list[ModelTicket] = []
        self._answers: dict[tuple[str, str], ModelAnswer] = {}
        self._told = 0

    def has(self, owner: str, places: dict[tuple[int, str, int], int]) -> None:
        """The owner has paid for these places, and for no others."""
        mine = [(number, one) for number, one in enumerate(self.tickets) if one.owner == owner and not one.void]
        for place in {one.place for _, one in mine}:
            there = [(number, one) for number, one in mine if one.place == place]
            surplus = len(there) - places.get(place, 0)
            there.sort(key=lambda pair: (["valid", "out", "in"].index(pair[1].state), -pair[0]))
            for _, one in there[: max(0, surplus)]:
                one.void = True
        for place, wanted in places.items():
            missing = wanted - sum(1 for _, one in mine if one.place == place and not one.void)
            self.tickets += [ModelTicket(owner, place) for _ in range(missing)]

    def transfer(self, number: int) -> str:
        """Gives an e-ticket away; the word of the answer."""
        one = self.tickets[number]
        if one.void:
            return "not_held"
        if one.state == "in":
            return "in_use"
        one.issue += 1
        return "eticket_found"

    def scan(
        self, number: int, issue: int, gate: str, nonce: str, direction: str, *, at_ms: int, offline: bool
    ) -> ModelAnswer:
        """The answer to a gate."""
        known = self._answers.get((gate, nonce))
        if known is not None:
            return known
        answer = self._answers[gate, nonce] = self._decide(number, issue, gate, direction, at_ms, offline=offline)
        return answer

    def _decide(self, number: int, issue: int, gate: str, direction: str, at_ms: int, *, offline: bool) -> ModelAnswer:
        if not 0 <= number < len(self.tickets) or issue > self.tickets[number].issue:
            return ModelAnswer("unknown", -1)
        one = self.tickets[number]
        if one.void or issue < one.issue:
            return ModelAnswer("void", number)
        if not offline and direction == "in" and one.state == "in":
            return ModelAnswer("already_in", number)
        if not offline and direction == "out" and one.state != "in":
            return ModelAnswer("not_yet", number)
        self._told += 1
        way = (at_ms, self._told, direction, gate)
        one.ways.append(way)
        in_order = sorted(one.ways)
        place = in_order.index(way)
        beside = [*in_order[max(0, place - 1) : place], *in_order[place + 1 : place + 2]]
        doubled = [each for each in beside if direction == "in" and each[2] == "in"]
        return ModelAnswer("admitted", number, (doubled[0][3], doubled[0][0]) if doubled else ("", 0))
