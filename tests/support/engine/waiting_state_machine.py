"""Random sales with codes and waiting lists: all that is done to sales, while customers wait for what returns."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from msgspec.structs import replace

from engine.commands.codes import PutCodes
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.holds import Cancel, Hold, Replace, Shorten
from engine.commands.items import ANY_TOTAL, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, Restock
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.terms import NO_ROOM, CodeTerms, OwnTerms, WaitingTerms
from engine.words import CodeKind, EventStatus, FailureReason
from tests.support.engine.code_state_machine import CodedSales
from tests.support.engine.model_vs_server import World
from tests.support.engine.strategies import (
    EVENTS,
    LATEST,
    LONG_MS,
    NEXT,
    OWN,
    POOLS,
    SHORT_MS,
    SOON,
    customer_ids,
    events,
    holds,
    names,
    outcomes,
    put_event,
)

waits = st.builds(
    Wait,
    events,
    names,
    customer_ids,
    st.just("{}"),
    st.just("{}"),
    st.just("one"),
    st.sampled_from([1] * 6 + [2, 3, 3, 6, 9]),
    st.sampled_from([1, 1, 1, 2, 2, 3]),
)
lists = st.builds(
    WaitingTerms, st.sampled_from([LONG_MS, LONG_MS, SHORT_MS]), st.sampled_from([0] * 5 + [1]), st.booleans()
)
leavings = st.builds(DeclineWaiting, names)


class WaitingSales(CodedSales):
    """A customer who finds too few places may wait for them. Names of entries are those of the last that joined."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.list = WaitingTerms(LONG_MS)
        self.joined: list[str] = []

    def resolve_publication(self, command: PutEvent) -> PutEvent:
        """Each event has the waiting list of the moment."""
        resolved = super().resolve_publication(command)
        return replace(resolved, terms=replace(resolved.terms, room=NO_ROOM, waiting=self.list))

    def resolve(self, command: Command[Any], event_id: int) -> Command[Any]:
        if isinstance(command, Wait):
            name = command.waiting_id
            known = [each for each in self.joined if each.startswith(f"{command.event_id}-")]
            if name in LATEST and LATEST[name] > 1 and known:
                return replace(command, waiting_id=known[-1])
            digit = name[-1] if name[-1].isdigit() else "0"
            self.joined.append(f"{command.event_id}-waiting---{self.taken:05}{digit}")
            return replace(command, waiting_id=self.joined[-1])
        if isinstance(command, DeclineWaiting | FindWaiting):
            name = command.reservation_id
            known = self.joined or [f"{event_id}-waiting---000000"]
            return replace(command, reservation_id=known[-1 - LATEST.get(name, 0) % len(known)])
        return super().resolve(command, event_id)

    @initialize(terms=lists)
    def begins_with_a_list(self, terms: WaitingTerms) -> None:
        self.list = replace(terms, ends_ms=0)

    @rule(command=waits)
    def joins(self, command: Wait) -> None:
        self.step(command)

    @rule(command=leavings)
    def leaves(self, command: DeclineWaiting) -> None:
        self.step(command)

    @rule(name=names, event_id=events)
    def looks_at_the_line(self, name: str, event_id: int) -> None:
        self.step(FindWaiting(name), TendWaiting(event_id))

    @rule(event_id=events, terms=lists, left=st.integers(0, 2))
    def changes_the_list(self, event_id: int, terms: WaitingTerms, left: int) -> None:
        self.list = terms
        self.step(put_event(event_id, self.free(event_id, left), LONG_MS, limit=6))

    def free(self, event_id: int, left: int) -> list[int]:
        """Capacities with that many places for sale in each pool."""
        return [self.taken_of(event_id, pool) + left for pool in POOLS]

    def sell_out(self, event_id: int, places: int, *, limit: int = 100) -> None:
        """An event of whose first ticket `places` are held by one customer each, and none is left."""
        self.code = ""
        self.list = WaitingTerms(LONG_MS, fills_gaps=self.list.fills_gaps)
        self.step(put_event(event_id, self.free(event_id, places), LONG_MS, limit=limit))
        hold = Hold(NEXT, event_id, "u", "{}", "one", items_text([(1, 1)]))
        self.step(*(replace(hold, reservation_id=f"{NEXT}{n}", customer_id=f"x{n}") for n in range(places)))

    def wait(self, event_id: int, *wishes: tuple[str, int], ticket_id: int = 1) -> None:
        """Customers who join one after the other for that many places."""
        for customer_id, quantity in wishes:
            self.step(Wait(event_id, NEXT, customer_id, "{}", "{}", "one", ticket_id, quantity))

    @rule(
        event_id=events,
        first=st.integers(1, 3),
        fills_gaps=st.booleans(),
        how=st.sampled_from(["cancel", "fail", "refund", "restock", "expire", "capacity"]),
    )
    def waits_and_is_offered_what_returns(self, event_id: int, first: int, fills_gaps: bool, how: str) -> None:
        """Three wait; three places return in one way or another, one after the other."""
        self.list = replace(self.list, fills_gaps=fills_gaps)
        self.sell_out(event_id, 3)
        self.wait(event_id, ("u", first), ("v", 1), ("w", 1))
        mine = list(self.world.model.reservations)[-3:]
        for rid in mine:
            self.return_place(event_id, rid, how)
            self.step(FindWaiting("last"), TendWaiting(event_id))
        self.step(DeclineWaiting("last but two"))
        self.step(Hold(NEXT, event_id, "x", "{}", "one", items_text([(1, 1)])))

    def return_place(self, event_id: int, rid: str, how: str) -> None:
        """A place of a hold returns in that way."""
        if how == "capacity":
            self.step(put_event(event_id, self.free(event_id, self.aside(event_id) + 1), LONG_MS, limit=100))
        elif how in ("refund", "restock", "fail"):
            self.world.step(BeginPayment(rid, "pay-a", self.total_of(rid), "one"))
            if how == "fail":
                self.world.step(FailPayment(rid, "pay-a", FailureReason.PAYMENT_FAILED, give_back=True))
                return
            self.world.step(ConfirmPayment(rid, "pay-a"))
            self.world.step(Refund(rid, restock=how == "refund"))
            self.world.step(Restock(rid))
        elif how == "expire":
            self.world.step(Shorten(rid, 1))
        else:
            self.world.step(Cancel(rid))

    def aside(self, event_id: int) -> int:
        """Places of the first pool that are set aside."""
        return self.world.model.aside.get((event_id, POOLS[0]), 0)

    def total_of(self, rid: str) -> int:
        """The price of a reservation."""
        reservation = self.world.model.reservations.get(rid)
        return reservation.record().total_minor if reservation else 100

    @rule(event_id=events, fills_gaps=st.booleans(), first=st.booleans())
    def takes_too_many_meanwhile(self, event_id: int, fills_gaps: bool, first: bool) -> None:
        """An offer would exceed the customer's limit: the next in line has the place, at once or when it returns."""
        self.list = replace(self.list, fills_gaps=fills_gaps)
        self.sell_out(event_id, 3, limit=3)
        mine = list(self.world.model.reservations)[-3:]
        self.wait(event_id, ("u", 2), ("v", 1))
        if first:
            self.world.step(Cancel(mine.pop()))
        self.step(TendWaiting(event_id), Hold(NEXT, event_id, "u", "{}", "one", items_text([(3, 2)])))
        for rid in mine:
            self.world.step(Cancel(rid))

    @rule(event_id=events, wanted=st.integers(1, 3))
    def a_code_gives_its_places_back(self, event_id: int, wanted: int) -> None:
        """Places set aside for a code are offered when it is withdrawn."""
        self.sell_out(event_id, 0)
        places = 2 + self.world.model.use(event_id, "GUESTS").taken
        self.step(put_event(event_id, self.free(event_id, 2), LONG_MS, limit=100))
        terms = CodeTerms(CodeKind.ALLOCATION, [1], places=places)
        self.step(PutCodes(event_id, terms, ["GUESTS"]))
        self.wait(event_id, ("u", wanted), ("v", 1))
        self.code = "GUESTS"
        self.step(Hold(NEXT, event_id, "w", "{}", "one", items_text([(1, 1)])))
        self.step(PutCodes(event_id, replace(terms, withdrawn=True), ["GUESTS"]))
        self.step(Cancel("last"))

    @rule(event_id=events)
    def an_allotment_ends_while_somebody_waits(self, event_id: int) -> None:
        """Places set aside for a code are set aside for the line when its time is over, by any call."""
        self.sell_out(event_id, 1)
        places = 2 + self.world.model.use(event_id, "GUESTS").taken
        self.step(put_event(event_id, self.free(event_id, 2), LONG_MS, limit=100))
        self.step(PutCodes(event_id, CodeTerms(CodeKind.ALLOCATION, [1], until_ms=SOON, places=places), ["GUESTS"]))
        self.wait(event_id, ("u", 3), ("v", 1))
        self.world.wait_past(SHORT_MS)
        self.step(TendWaiting(event_id))
        self.world.step(Cancel(list(self.world.model.reservations)[-1]))

    @rule(event_id=events)
    def an_offer_has_places_that_were_for_sale(self, event_id: int) -> None:
        """Places set aside go first; further places for sale stay so."""
        self.sell_out(event_id, 0)
        self.step(put_event(event_id, self.free(event_id, 4), LONG_MS, limit=100))
        self.step(Hold(NEXT, event_id, "x", "{}", "one", items_text([(1, 2)])))
        self.wait(event_id, ("u", 3), ("v", 3))
        self.step(Cancel("last"))
        self.step(Hold(NEXT, event_id, "w", "{}", "one", items_text([(1, 1)])))

    @rule(
        event_id=events, then=st.lists(outcomes, max_size=2), ends=st.sampled_from(["pay", "late", "expire", "shrink"])
    )
    def an_offer_is_settled(self, event_id: int, then: list[Command[Any]], ends: str) -> None:
        """An offer is paid for, expires, is made smaller, or is paid for when it has gone to the next."""
        self.sell_out(event_id, 2)
        self.list = WaitingTerms(SHORT_MS if ends == "expire" else LONG_MS)
        free = [self.taken_of(event_id, POOLS[0]), self.taken_of(event_id, POOLS[1]) + 2]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        self.wait(event_id, ("u", 2), ("v", 1), ("w", 1))
        for rid in list(self.world.model.reservations)[-2:]:
            self.world.step(Cancel(rid))
        offer = next((each for each in reversed(self.joined) if each in self.world.model.reservations), "")
        if not offer:
            return
        if ends == "shrink":
            self.world.step(Replace(offer, event_id, "u", items_text([(1, 2), (3, 1)])))
            self.world.step(Replace(offer, event_id, "u", items_text([(1, 3)])))
            self.world.step(Replace(offer, event_id, "u", items_text([(1, 1)])))
        if ends == "expire":
            self.world.wait_past(SHORT_MS)
            self.step(FindWaiting("last"))
        else:
            self.world.step(BeginPayment(offer, "pay-a", self.total_of(offer), "one"))
            self.world.step(DeclineWaiting(offer))
            if ends == "late":
                self.world.step(FailPayment(offer, "pay-a", FailureReason.PAYMENT_FAILED, give_back=True))
            self.world.step(ConfirmPayment(offer, "pay-a"))
        self.world.step(DeclineWaiting(offer))
        for command in then:
            self.step(replace(command, reservation_id="last"))

    @rule(event_id=events, paused=st.booleans(), ends=st.booleans(), command=holds)
    def the_sale_stops_while_somebody_waits(self, event_id: int, paused: bool, ends: bool, command: Hold) -> None:
        """While it is paused what returns is set aside; when the list or the event ends it is for sale."""
        self.sell_out(event_id, 2)
        self.wait(event_id, ("u", 1), ("v", 2))
        status = EventStatus.PAUSED if paused else EventStatus.ON_SALE
        self.step(put_event(event_id, self.free(event_id, 0), LONG_MS, limit=100, status=status))
        first = list(self.world.model.reservations)[-2]
        self.world.step(Cancel(first))
        self.wait(event_id, ("w", 1))
        if ends:
            self.list = WaitingTerms(LONG_MS, ends_ms=1)
        self.step(put_event(event_id, self.free(event_id, self.aside(event_id)), LONG_MS, limit=100))
        wanted = replace(command, reservation_id=NEXT, event_id=event_id, expected_minor=ANY_TOTAL)
        self.step(replace(wanted, items=items_text([(1, 1)])))

    @rule(event_id=events, first=st.sampled_from([2, 3]), fills_gaps=st.booleans())
    def two_tickets_have_one_line(self, event_id: int, first: int, fills_gaps: bool) -> None:
        """Tickets that share places are served in one order."""
        self.code, self.list = "", WaitingTerms(LONG_MS, fills_gaps=fills_gaps)
        self.step(put_event(event_id, self.free(event_id, 2), LONG_MS, limit=100))
        hold = Hold(NEXT, event_id, "u", "{}", "one", items_text([(2, 1)]))
        self.step(hold, replace(hold, reservation_id=f"{NEXT}1", customer_id="x", items=items_text([(3, 1)])))
        self.wait(event_id, ("v", 2), ticket_id=first)
        self.wait(event_id, ("w", 1), ticket_id=5 - first)
        for rid in list(self.world.model.reservations)[-2:]:
            self.world.step(Cancel(rid))

    @rule(event_id=events, own=st.sampled_from(OWN))
    def a_ticket_stops_while_somebody_waits(self, event_id: int, own: OwnTerms) -> None:
        """Another ticket sells the same places: they are not set aside for one that is not sold now."""
        self.code, self.list = "", WaitingTerms(LONG_MS)
        self.step(put_event(event_id, self.free(event_id, 3), LONG_MS, limit=100))
        hold = Hold(NEXT, event_id, "x", "{}", "one", items_text([(3, 1)]))
        self.step(hold, *(replace(hold, reservation_id=f"{NEXT}{n}") for n in (1, 2)))
        mine = list(self.world.model.reservations)[-3:]
        self.wait(event_id, ("u", 2), ("v", 1), ticket_id=2)
        self.world.step(*map(Cancel, mine[0:1]))
        self.step(put_event(event_id, self.free(event_id, 1), LONG_MS, limit=100, own=own))
        self.world.step(*map(Cancel, mine[1:2]))
        self.wait(event_id, ("v", 1), ticket_id=2)
        self.step(replace(hold, customer_id="w"))
        self.world.step(*map(Cancel, mine[2:3]))
        self.step(put_event(event_id, self.free(event_id, 2), LONG_MS, limit=100))

    @rule(event_id=events, places=st.integers(1, 3))
    def does_several_while_somebody_waits(self, event_id: int, places: int) -> None:
        """In one call places return, are offered and declined, and somebody wants to buy."""
        self.sell_out(event_id, places)
        self.wait(event_id, ("u", 1), ("v", places), ("w", 1))
        mine = list(self.world.model.reservations)[-places:]
        entries = [each for each in self.joined[-3:] if each in self.world.model.lines.entries]
        buy = Hold(f"{event_id}-reservation{self.taken:04}7", event_id, "x", "{}", "one", items_text([(1, 1)]))
        self.world.step(*map(Cancel, mine), *map(DeclineWaiting, entries), buy)


def purposeful_plays() -> list[tuple[str, Callable[[WaitingSales], None]]]:
    """All that is played on purpose, with a name each: what chance alone may not meet."""
    event_id = EVENTS[0]
    plays: list[tuple[str, Callable[[WaitingSales], None]]] = []
    for how in ("cancel", "fail", "refund", "restock", "expire", "capacity"):
        for first, fills_gaps in ((1, False), (3, False), (3, True)):
            plays.append(
                (
                    f"{how} {first} {fills_gaps}",
                    partial(_returns, event_id, first=first, fills_gaps=fills_gaps, how=how),
                )
            )
    for fills_gaps in (False, True):
        for first_returns in (False, True):
            too_many = partial(_too_many, event_id, fills_gaps=fills_gaps, first=first_returns)
            plays.append((f"too many {fills_gaps} {first_returns}", too_many))
        plays += [
            (f"one line {first} {fills_gaps}", partial(_one_line, event_id, first, fills_gaps)) for first in (2, 3)
        ]
    plays += [(f"withdrawn {wanted}", partial(_withdrawn, event_id, wanted)) for wanted in (1, 2, 3)]
    plays += [(ends, partial(_settled, event_id, ends)) for ends in ("pay", "late", "expire", "shrink")]
    for paused in (False, True):
        plays += [
            (f"stops {paused} {ends}", partial(_stops, event_id, paused=paused, ends=ends)) for ends in (False, True)
        ]
    plays += [(f"at once {places}", partial(_at_once, event_id, places)) for places in (1, 2, 3)]
    plays += [(f"own {number}", partial(_ticket_stops, event_id, own)) for number, own in enumerate(OWN)]
    plays += [("left", partial(_left, event_id)), ("limit", partial(_limit, event_id))]
    plays.append(("allotment", lambda play: play.an_allotment_ends_while_somebody_waits(event_id)))
    plays.append(("for sale", lambda play: play.an_offer_has_places_that_were_for_sale(event_id)))
    return plays


def _returns(event_id: int, play: WaitingSales, **how: Any) -> None:
    play.waits_and_is_offered_what_returns(event_id, **how)


def _too_many(event_id: int, play: WaitingSales, *, fills_gaps: bool, first: bool) -> None:
    play.takes_too_many_meanwhile(event_id, fills_gaps, first)


def _one_line(event_id: int, first: int, fills_gaps: bool, play: WaitingSales) -> None:  # as drawn
    play.two_tickets_have_one_line(event_id, first, fills_gaps)


def _withdrawn(event_id: int, wanted: int, play: WaitingSales) -> None:
    play.a_code_gives_its_places_back(event_id, wanted)


def _settled(event_id: int, ends: str, play: WaitingSales) -> None:
    play.an_offer_is_settled(event_id, [], ends)


def _stops(event_id: int, play: WaitingSales, *, paused: bool, ends: bool) -> None:
    wish = Hold(NEXT, event_id, "x", "{}", "one", items_text([(1, 1)]))
    play.the_sale_stops_while_somebody_waits(event_id, paused, ends, wish)


def _at_once(event_id: int, places: int, play: WaitingSales) -> None:
    play.does_several_while_somebody_waits(event_id, places)


def _ticket_stops(event_id: int, own: OwnTerms, play: WaitingSales) -> None:
    play.a_ticket_stops_while_somebody_waits(event_id, own)


def _left(event_id: int, play: WaitingSales) -> None:
    """One place is for sale: nobody has to wait for it, and who waits for two has it with the next."""
    play.sell_out(event_id, 1)
    play.step(put_event(event_id, play.free(event_id, 1), LONG_MS, limit=100))
    play.wait(event_id, ("u", 1), ("v", 2))
    play.world.step(Cancel(list(play.world.model.reservations)[-1]))


def _limit(event_id: int, play: WaitingSales) -> None:
    """Nobody waits for more places than a customer may have."""
    play.sell_out(event_id, 2, limit=2)
    play.wait(event_id, ("u", 2), ("u", 1), ("v", 1))
