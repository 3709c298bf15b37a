"""The rules of carts, stated a second time: a pure model, with no storage and no clock of its own.

It says what the contract over HTTP says. It keeps takings only: what is available is worked out from them. Its clock is
what the caller says; deadlines are windows, as exact as it is known when a call took place.
"""

from collections.abc import Collection, Iterable, Sequence

from tests.support.api.cart_entities import (
    CANCELLED,
    EXPIRED,
    HELD,
    PAID,
    PAYING,
    REFUND_DUE,
    Cart,
    Deadline,
    Moment,
    Payment,
    Seat,
    Show,
    Standing,
    Taking,
)

_HAVING_PLACES = (HELD, PAYING, PAID)
_NOT_CHANGEABLE = {PAYING: "payment_in_progress", PAID: "already_paid", REFUND_DUE: "not_held"}

OK = ""
"""The answer to what was done; else the code of the problem."""


class CartModel:
    """The expected state, and the expected answers."""

    def __init__(self, shows: Sequence[Show]) -> None:
        self.shows = shows
        self.takings: list[Taking] = []
        self.carts: dict[str, Cart] = {}
        self.payments: list[Payment] = []

    def look(self, moment: Moment) -> None:
        """Gives back what expired until then."""
        for taking in self.takings:
            if taking.state == HELD and taking.deadline.is_over(moment):
                taking.state = EXPIRED

    def owners(self, show: int) -> dict[int, Taking]:
        """The owners of seats. Raises if a seat has two."""
        owners: dict[int, Taking] = {}
        for taking in self._having_places(show):
            assert not owners.keys() & taking.seats.keys(), "a seat with two owners"
            owners |= dict.fromkeys(taking.seats, taking)
        return owners

    def standing(self, show: int, *states: str) -> int:
        """Standing room that is in these states."""
        return sum(taking.standing for taking in self._having_places(show) if taking.state in states)

    def total(self, takings: Iterable[Taking]) -> int:
        """The price of all that is in them."""
        return sum(
            self.shows[taking.show].prices[price] * quantity
            for taking in takings
            for price, _, quantity in taking.lines()
        )

    def reserve(self, show: int, customer: str, items: Sequence[Seat | Standing], moment: Moment) -> str:
        """A reservation of its own; it is the last taking then."""
        hold_ms = self.shows[show].hold_ms
        taking = Taking(show, customer, Deadline(moment.from_ms + hold_ms, moment.until_ms + hold_ms))
        return self._take_new(taking, items)

    def cancel(self, taking: Taking) -> str:
        """Gives it back."""
        if taking.state == HELD:
            taking.state = CANCELLED
        codes = {EXPIRED: "expired", PAYING: "payment_in_progress", PAID: "already_paid", REFUND_DUE: "already_paid"}
        return codes.get(taking.state, OK)

    def end_alone(self, taking: Taking, moment: Moment, *, paid: bool) -> None:
        """The end of a payment of its own."""
        taking.state = PAID if paid else HELD
        self.look(moment)

    def add(self, name: str, show: int, item: Seat | Standing, moment: Moment) -> str:
        """Takes something into a cart, which may begin with it, or start again."""
        cart = self.carts.setdefault(name, Cart())
        if cart.status in ("booked", "completed"):
            return "already_paid" if cart.status == "completed" else "payment_in_progress"
        if cart.status == "failed" or not cart.takings or cart.deadline is None or self._ran_out(cart, moment):
            for taking in cart.takings.values() if cart.status == "open" else ():
                self.cancel(taking)
            hold_ms = self.shows[show].hold_ms
            cart.status, cart.takings = "open", {}
            cart.deadline = Deadline(moment.from_ms + hold_ms, moment.until_ms + hold_ms)
        comes_back = show in cart.takings and cart.takings[show].state == CANCELLED
        if comes_back:
            del cart.takings[show]
        refusal = self._add_to(cart, name, show, item, moment)
        if not cart.takings and not comes_back:
            cart.deadline = None
        return refusal

    def remove(self, name: str, show: int, seat: int, moment: Moment) -> str:
        """Takes a seat out of a cart."""
        cart = self.carts.get(name)
        refusal = self._refusal_to_change(cart, show, moment)
        if refusal or cart is None:
            return refusal
        if seat not in cart.takings[show].seats:
            return "not_held"
        self._take_out(cart, show, seats=[seat])
        return OK

    def _refusal_to_change(self, cart: Cart | None, show: int, moment: Moment) -> str:
        """Why nothing of the show can be taken out of a cart."""
        if cart is None or (cart.deadline is None and cart.status == "open"):
            return "not_found"
        if cart.status == "open" and self._ran_out(cart, moment):
            return "expired"
        taking = cart.takings.get(show)
        if taking is None or taking.state == CANCELLED:
            return "not_held"
        if taking.state == EXPIRED:
            return "expired"
        return _NOT_CHANGEABLE.get(taking.state, OK)

    def remove_standing(self, name: str, show: int, moment: Moment) -> str:
        """Takes the standing room out of a cart."""
        cart = self.carts.get(name)
        refusal = self._refusal_to_change(cart, show, moment)
        if refusal or cart is None:
            return refusal
        if not cart.takings[show].standing:
            return "not_held"
        self._take_out(cart, show, standing=True)
        return OK

    def discard(self, name: str) -> str:
        """Gives back all that is in a cart."""
        cart = self.carts.get(name)
        if cart is None or cart.status == "failed":
            return OK
        if cart.status != "open":
            return "already_paid" if cart.status == "completed" else "payment_in_progress"
        states = [taking.state for taking in cart.takings.values()]
        for state in (PAYING, PAID):
            if state in states:
                return _NOT_CHANGEABLE[state]
        for taking in cart.takings.values():
            if taking.state == HELD:
                taking.state = CANCELLED
        cart.deadline = None
        return OK

    def _take_out(self, cart: Cart, show: int, *, seats: Collection[int] = (), standing: bool = False) -> None:
        """Takes places out of a part of a cart; with the last one the part ends, and returns what it had."""
        taking = cart.takings[show]
        left = len(taking.seats) - len(seats) + (0 if standing else taking.standing)
        if left == 0:
            taking.state = CANCELLED
            del cart.takings[show]
            return
        for seat in seats:
            del taking.seats[seat]
        if standing:
            taking.standing = 0

    def book(self, name: str, moment: Moment) -> str:
        """Pins all that is in a cart for one payment, or nothing."""
        cart = self.carts.get(name)
        if cart is None or cart.deadline is None:
            return "not_found"
        if cart.status != "open":
            return "payment_settled" if cart.status == "failed" else OK
        if cart.deadline.is_over(moment):
            return "not_held"
        pinned = []
        refusal = "not_held"
        for _, taking in sorted(cart.takings.items()):
            if taking.state == CANCELLED:
                continue
            if taking.state in (EXPIRED, PAYING):
                return "not_held" if taking.state == EXPIRED else "payment_in_progress"
            if taking.state == HELD:
                pinned.append(taking)
            else:
                refusal = "already_paid"
        if not pinned:
            return refusal
        for taking in pinned:
            taking.state = PAYING
        cart.status, cart.payment = "booked", Payment(pinned, self.total(pinned))
        self.payments.append(cart.payment)
        if cart.payment.amount == 0:
            self._settle(cart.payment, sold=True, moment=moment)
        return OK

    def end(self, payment: Payment, outcome: str, moment: Moment) -> str:
        """The gateway reports that a payment is completed or failed."""
        if payment.status == "pending":
            sold = outcome == "completed" or payment.money
            self._settle(payment, sold=sold, moment=moment)
            return OK if payment.status == outcome else "payment_settled"
        if payment.status == "failed" and outcome == "completed" and payment.money:
            for taking in payment.takings:
                self._sell_late(taking)
            payment.status = "completed"
        return OK if payment.status == outcome else "payment_settled"

    def shown(self, name: str, moment: Moment) -> str | list[Taking]:
        """The view of a cart: a code, or its contents by event."""
        cart = self.carts.get(name)
        if cart is None or cart.deadline is None:
            return "not_found"
        if cart.status != "open":
            assert cart.payment is not None
            return cart.payment.takings
        if self._ran_out(cart, moment):
            return "expired"
        return [taking for _, taking in sorted(cart.takings.items()) if taking.state in _HAVING_PLACES]

    def _having_places(self, show: int) -> list[Taking]:
        return [taking for taking in self.takings if taking.show == show and taking.state in _HAVING_PLACES]

    def _ran_out(self, cart: Cart, moment: Moment) -> bool:
        """True if an open cart, or something in it, has expired."""
        assert cart.deadline is not None
        lost = any(taking.state == EXPIRED for taking in cart.takings.values())
        return lost or cart.deadline.is_over(moment)

    def _take_new(self, taking: Taking, items: Sequence[Seat | Standing]) -> str:
        refusal = self._refusal(taking, items)
        if not refusal:
            for item in items:
                if isinstance(item, Seat):
                    taking.seats[item.seat] = item.price
                else:
                    taking.standing += item.quantity
            self.takings.append(taking)
        return refusal

    def _add_to(self, cart: Cart, name: str, show: int, item: Seat | Standing, moment: Moment) -> str:
        taking = cart.takings.get(show)
        if taking is None:
            assert cart.deadline is not None
            hold_ms, took_ms = self.shows[show].hold_ms, moment.until_ms - moment.from_ms
            earliest = min(cart.deadline.earliest_ms, moment.from_ms + hold_ms)
            latest = min(cart.deadline.latest_ms + took_ms, moment.until_ms + hold_ms)
            taking = Taking(show, name, Deadline(earliest, latest))
            refusal = self._take_new(taking, [item])
            if not refusal:
                cart.takings[show] = taking
                self._shorten(cart, taking)
            return refusal
        if taking.state != HELD:
            return _NOT_CHANGEABLE[taking.state]
        if isinstance(item, Seat):
            refusal = "" if item.seat in taking.seats else self._refusal(taking, [item])
            if not refusal:
                taking.seats[item.seat] = item.price
            return refusal
        gained = item.quantity - taking.standing
        refusal = self._refusal(taking, [Standing(gained)]) if gained > 0 else OK
        if not refusal:
            taking.standing = item.quantity
        return refusal

    def _shorten(self, cart: Cart, taking: Taking) -> None:
        """A cart has one deadline, the earliest of what is in it."""
        assert cart.deadline is not None
        if taking.deadline.latest_ms < cart.deadline.earliest_ms:
            cart.deadline = taking.deadline
            for other in cart.takings.values():
                if other.state == HELD:
                    other.deadline = taking.deadline

    def _refusal(self, taking: Taking, items: Sequence[Seat | Standing]) -> str:
        """Why a taking cannot have these more."""
        show = self.shows[taking.show]
        owners = self.owners(taking.show)
        places = sum(1 if isinstance(item, Seat) else item.quantity for item in items)
        mine = sum(other.places for other in self._having_places(taking.show) if other.customer == taking.customer)
        taken = any(isinstance(item, Seat) and item.seat in owners for item in items)
        standing = sum(item.quantity for item in items if isinstance(item, Standing))
        refusals = [
            ("limit_exceeded", mine + places > show.limit),
            ("seat_taken", taken),
            ("sold_out", standing > show.standing - self.standing(taking.show, *_HAVING_PLACES)),
        ]
        if taking in self.takings:  # what is in it already is looked at before how many they are
            refusals.sort(key=lambda refusal: refusal[0] != "seat_taken")
        return next((code for code, is_so in refusals if is_so), OK)

    def _settle(self, payment: Payment, *, sold: bool, moment: Moment) -> None:
        payment.status = "completed" if sold else "failed"
        for taking in payment.takings:
            over = taking.deadline.is_over(moment)
            taking.state = PAID if sold else EXPIRED if over else CANCELLED
        for cart in self.carts.values():
            if cart.payment is payment:
                cart.status = payment.status

    def _sell_late(self, taking: Taking) -> None:
        """Money came for places that were given back: sold if they are still available, else the money is owed."""
        free = self.shows[taking.show].standing - self.standing(taking.show, *_HAVING_PLACES)
        to_be_had = not taking.seats.keys() & self.owners(taking.show).keys() and taking.standing <= free
        taking.state = PAID if to_be_had else REFUND_DUE
