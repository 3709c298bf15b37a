"""Carts over HTTP and the pure model of them, kept in step: each call goes to both, and everything is compared."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from engine.carts import Carts
from engine.commands.events import Count
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.reservations import Find
from engine.commands.seats import ReadSeatMap
from engine.results.events import Counts
from engine.results.payments import Paying
from engine.results.reservations import Found
from engine.results.seats import SeatMap
from engine.words import FailureReason
from tests.integration.api.conftest import GatewayLedger
from tests.support.api.api_client import Answer, Json
from tests.support.api.cart_entities import (
    HELD,
    PAID,
    PAYING,
    Deadline,
    Moment,
    Payment,
    Seat,
    Standing,
    Taking,
)
from tests.support.api.cart_fixtures import SHOWS, CartStage
from tests.support.api.cart_model import OK, CartModel

_SEAT_OF = {HELD: "h", PAYING: "p", PAID: "s"}


class Disagreement(AssertionError):
    """The API and the model are not of one mind, or an invariant is broken."""


def agree(what: str, real: object, expected: object) -> None:
    """Raises AssertionError unless the two are equal."""
    assert real == expected, f"{what}\n  server: {real}\n  model:  {expected}"


class CartWorld:
    """A play: what people, the gateway and the clock do."""

    def __init__(self, stage: CartStage, ledger: GatewayLedger) -> None:
        stage.begin()
        self._stage = stage
        self._ledger = ledger
        self._ids: dict[Taking, str] = {}
        self._payment_ids: dict[Payment, str] = {}
        self._alone: dict[Taking, str] = {}
        self._played: list[str] = []
        self.model = CartModel(SHOWS)

    def add(self, name: str, show: int, item: Seat | Standing) -> None:
        """Takes something into a cart."""
        body = {"event_id": self._stage.event_ids[show], **self._wish(show, item)}
        self._call(
            f"{name} takes {item} of {show}",
            ("POST", self._path(name), body),
            lambda moment: self.model.add(name, show, item, moment),
        )

    def remove(self, name: str, show: int, seat: int) -> None:
        """Takes a seat out of a cart."""
        path = f"{self._path(name)}/events/{self._stage.event_ids[show]}/seats/{self._stage.seat_ids[seat]}"
        self._call(
            f"{name} gives seat {seat} of {show} back",
            ("DELETE", path),
            lambda moment: self.model.remove(name, show, seat, moment),
        )

    def remove_standing(self, name: str, show: int) -> None:
        """Takes the standing room out of a cart."""
        path = f"{self._path(name)}/events/{self._stage.event_ids[show]}/tickets/{self._stage.ticket_ids[show][2]}"
        self._call(
            f"{name} gives the standing room of {show} back",
            ("DELETE", path),
            lambda moment: self.model.remove_standing(name, show, moment),
        )

    def discard(self, name: str) -> None:
        """Gives back all that is in a cart."""
        self._call(f"{name} is discarded", ("DELETE", self._path(name)), lambda _: self.model.discard(name))

    def book(self, name: str) -> None:
        """Books a cart; again: the same payment."""
        with self._told(f"{name} books"):
            answer = self._ask(("PUT", f"{self._path(name)}/book"), lambda moment: self.model.book(name, moment))
            payment = self.model.carts[name].payment if answer.status == 200 else None
            if payment is not None:
                payment_id = answer.body["payment_id"]
                agree("the payment", payment_id, self._payment_ids.setdefault(payment, payment_id))
            self._compare()

    def end(self, payment: Payment, outcome: str) -> None:
        """The gateway calls back. What a cart no longer knows of it, Postgres does."""
        path = f"/v1/payments/{self._payment_ids[payment]}"
        callback = {"completed": "complete", "failed": "failed"}[outcome]
        with self._told(f"{path} is {outcome}"):
            self._stage.tell_postgres()
            answer = self._ask(("POST", f"{path}/{callback}"), lambda moment: self.model.end(payment, outcome, moment))
            self._stage.tell_postgres()
            shown = self._stage.run(self._stage.front.get(path)).body
            if answer.status == 200:
                agree("the answer to the callback", answer.body, shown)
            agree("the payment", (shown["status"], shown["amount"]), (payment.status, payment.amount))
            agree("what it is for", set(shown["reservations"]), {self._ids[taking] for taking in payment.takings})
            self._compare()

    def take_money(self, payment: Payment) -> None:
        """The gateway takes the money of a payment, and tells nobody."""
        with self._told("the gateway takes money"):
            payment.money = True
            self._ledger.complete_late(self._payment_ids[payment], payment.amount)

    def reserve(self, show: int, customer: str, item: Seat | Standing) -> None:
        """Takes something without a cart."""
        wish = self._wish(show, item)
        wanted = {"ticket_id": wish["price_id"]}
        wanted |= {"seat_ids": [wish["seat_id"]]} if isinstance(item, Seat) else {"quantity": item.quantity}
        body = {"items": [wanted], "customer": {"id": customer}}
        with self._told(f"{customer} reserves {item} of {show}"):
            answer = self._ask(
                ("POST", "/v1/reservations", body), lambda moment: self.model.reserve(show, customer, [item], moment)
            )
            if answer.status == 201:
                self._ids[self.model.takings[-1]] = answer.body["id"]
            self._compare()

    def cancel(self, taking: Taking) -> None:
        """Gives a reservation back, a cart's too."""
        self._call(
            f"{taking} is cancelled",
            ("DELETE", f"/v1/reservations/{self._ids[taking]}"),
            lambda _: self.model.cancel(taking),
        )

    def begin_alone(self, taking: Taking) -> None:
        """Somebody pays for what is held, a cart's too, on its own; the gateway has not answered yet."""
        with self._told(f"{taking} is being paid for alone"):
            attempt_id = self._alone[taking] = f"pay-{len(self._played)}"
            pin = BeginPayment(self._ids[taking], attempt_id, self.model.total([taking]), "")
            assert isinstance(self._stage.run(self._stage.engine.submit(pin)), Paying)
            taking.state = PAYING
            self._compare()

    def end_alone(self, taking: Taking, *, paid: bool) -> None:
        """That payment ends."""
        with self._told(f"{taking} is {'paid' if paid else 'not paid'}"):
            named = self._ids[taking], self._alone.pop(taking)
            ended = ConfirmPayment(*named) if paid else FailPayment(*named, FailureReason.CARD_DECLINED)
            self._stage.run(self._stage.engine.submit(ended))
            self.model.end_alone(taking, self._stage.moment(), paid=paid)
            self._compare()

    def paid_alone(self) -> list[Taking]:
        """The reservations that are being paid for alone."""
        return [*self._alone]

    def wait(self, passed_ms: int) -> None:
        """Time passes."""
        with self._told(f"{passed_ms} ms pass"):
            self._stage.pass_time(passed_ms)
            self._compare()

    def check_invariants(self) -> None:
        """The invariants of the stock, which need no model."""
        with self._told("a look at everything"):
            self._stage.check_invariants()

    def _path(self, name: str) -> str:
        return f"/v1/orders/carts/{self._stage.cart_id(name)}"

    def _wish(self, show: int, item: Seat | Standing) -> Json:
        tickets = self._stage.ticket_ids[show]
        if isinstance(item, Seat):
            return {"seat_id": self._stage.seat_ids[item.seat], "price_id": tickets[item.price]}
        return {"quantity": item.quantity, "price_id": tickets[2]}

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Tells all that was played until then, if it goes wrong."""
        self._played.append(what)
        try:
            yield
        except AssertionError as error:
            played = "".join(f"\n  {number}. {step}" for number, step in enumerate(self._played, 1))
            raise Disagreement(f"{error}\nplayed:{played}") from error

    def _call(self, what: str, call: tuple[Json, ...], expect: Callable[[Moment], str]) -> None:
        with self._told(what):
            self._ask(call, expect)
            self._compare()

    def _ask(self, call: tuple[Json, ...], expect: Callable[[Moment], str]) -> Answer:
        """Calls the API, and the model with the time that it took."""
        before = self._stage.moment()
        self.model.look(before)
        answer = self._stage.run(self._stage.front.call(*call))
        code = answer.code if answer.status >= 400 else OK
        self._played[-1] += f" -> {code or 'done'}"
        agree("the answer", code, expect(Moment(before.from_ms, self._stage.moment().until_ms)))
        return answer

    # All there is to see

    def _compare(self) -> None:
        self.model.look(self._stage.moment())
        self._stage.run(self._compare_all())

    async def _compare_all(self) -> None:
        await self._learn_ids()
        ask, look = self._stage.engine.submit, self._stage.front.get
        carts, takings, shows = [*self.model.carts], self.model.takings, range(len(SHOWS))
        for name, answer in zip(carts, await asyncio.gather(*(look(self._path(name)) for name in carts)), strict=True):
            self._compare_cart(name, answer)
        found = await asyncio.gather(*(ask(Find(self._ids[taking])) for taking in takings))
        for taking, record in zip(takings, found, strict=True):
            self._compare_taking(taking, record)
        for show, event_id in zip(shows, self._stage.event_ids, strict=True):
            self._compare_show(show, await ask(ReadSeatMap(event_id, self._stage.pool)), await ask(Count(event_id)))

    async def _learn_ids(self) -> None:
        """The reservations of carts have ids that nobody tells."""
        for name, cart in self.model.carts.items():
            new = {show: taking for show, taking in cart.takings.items() if taking not in self._ids}
            stored = await Carts(self._stage.engine).read(self._stage.cart_id(name)) if new else None
            for show, taking in new.items():
                self._ids[taking] = stored.reservation_id(self._stage.event_ids[show]) if stored else ""

    def _compare_cart(self, name: str, answer: Answer) -> None:
        cart = self.model.carts[name]
        expected = self.model.shown(name, self._stage.moment())
        if isinstance(expected, str):
            agree(f"a look at {name}", answer.code if answer.status >= 400 else answer.body, expected)
            return
        agree(f"a look at {name}", (answer.status, answer.body.get("code")), (200, None))
        shown = answer.body
        items = [(item["event"]["id"], item["ticket_id"], item["seat"], item["quantity"]) for item in shown["items"]]
        told = [(event, ticket, seat and seat["seat_id"], quantity) for event, ticket, seat, quantity in items]
        agree(f"what is in {name}", sorted(told, key=str), sorted(self._items(expected), key=str))
        agree(f"the price of {name}", shown["total"]["amount"], self.model.total(expected))
        is_open = cart.status == "open"
        payment_id = None if is_open or cart.payment is None else self._payment_ids[cart.payment]
        agree(f"the state of {name}", (shown["status"], shown["payment_id"]), (cart.status, payment_id))
        if is_open and cart.deadline is not None:
            expires_ms = round(datetime.fromisoformat(shown["expires_at"]).timestamp() * 1000)
            self._compare_deadline(f"the deadline of {name}", expires_ms, cart.deadline)

    def _items(self, takings: list[Taking]) -> list[tuple[int, int, int | None, int]]:
        """Their contents, as the API shows them."""
        events, tickets, seats = self._stage.event_ids, self._stage.ticket_ids, self._stage.seat_ids
        return [
            (events[each.show], tickets[each.show][price], None if seat is None else seats[seat], quantity)
            for each in takings
            for price, seat, quantity in each.lines()
        ]

    def _compare_taking(self, taking: Taking, found: object) -> None:
        assert isinstance(found, Found), f"{taking}: {found}"
        record = found.record
        prices = self._stage.ticket_ids[taking.show]
        lines = [(prices.index(line.ticket_id), [seat - 1 for seat in line.seats], line) for line in record.lines]
        told = [(price, seat, 1) for price, seats, _ in lines for seat in seats]
        told_standing = [(price, None, line.quantity) for price, seats, line in lines if not seats]
        agree(f"{taking}", (record.state.value, sorted(told)), (taking.state, taking.lines()[: len(taking.seats)]))
        agree(f"standing of {taking}", told_standing, taking.lines()[len(taking.seats) :])
        if taking.state == HELD:
            self._compare_deadline(f"the deadline of {taking}", record.deadline_ms, taking.deadline)

    def _compare_show(self, show: int, seat_map: object, counts: object) -> None:
        assert isinstance(seat_map, SeatMap)
        assert isinstance(counts, Counts)
        owners = self.model.owners(show)
        states = [_SEAT_OF[owners[seat].state] if seat in owners else "a" for seat in range(SHOWS[show].seats)]
        agree(f"the map of {show}", seat_map.text, "".join(states))
        for ticket in counts.tickets[2:]:
            told = [self.model.standing(show, state) for state in (HELD, PAYING, PAID)]
            agree(f"standing room of {show}", [ticket.held, ticket.paying, ticket.sold], told)

    def _compare_deadline(self, what: str, stored_ms: int, deadline: Deadline) -> None:
        """Deadlines do not move: once seen, they are known to the millisecond."""
        told_ms = stored_ms + self._stage.passed_ms
        assert deadline.earliest_ms <= told_ms <= deadline.latest_ms, f"{what} is {told_ms}, expected {deadline}"
        deadline.earliest_ms = deadline.latest_ms = told_ms
