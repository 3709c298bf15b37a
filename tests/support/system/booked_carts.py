"""Carts with a seat in each of two events, and what must be true of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from tests.support.system.ledgers import Payment, Reservation
from tests.support.system.storefront_client import Answer, Storefront
from tests.support.system.venues import Hall

EVENTS = 2


class Cart:
    """A cart at the API."""

    def __init__(self, storefront: Storefront) -> None:
        self.id = str(uuid4())
        self.customer_id = f"cart-{self.id}"
        self._path = f"/v1/orders/carts/{self.id}"
        self._storefront = storefront

    async def add(self, hall: Hall, number: int) -> Answer:
        """Asks for the nth seat."""
        item = {"event_id": hall.event_id, "price_id": hall.ticket_id, "seat_id": hall.seat_ids[number]}
        return await self._storefront.ask("POST", self._path, item)

    async def fill(self, halls: Sequence[Hall], number: int) -> None:
        """Takes the nth seat of each event."""
        for hall in halls:
            answer = await self.add(hall, number)
            assert answer.status == 200, answer

    async def book(self) -> Answer:
        """Asks for everything to be pinned."""
        return await self._storefront.ask("PUT", f"{self._path}/book")

    async def end(self, payment_id: str, outcome: str) -> Answer:
        """The gateway's callback: `complete` or `failed`."""
        return await self._storefront.ask("POST", f"/v1/payments/{payment_id}/{outcome}")


def by_cart(reservations: Iterable[Reservation]) -> Mapping[str, list[Reservation]]:
    """The reservations of each cart, by its customer, in the order of the events."""
    found: dict[str, list[Reservation]] = defaultdict(list)
    for reservation in sorted(reservations, key=lambda one: one.event_id):
        found[reservation.customer_id].append(reservation)
    return found


def half_pinned(live: Iterable[Reservation]) -> list[str]:
    """Carts that have a reservation pinned for a payment, and another still held that this payment never reached."""
    return [
        cart
        for cart, reservations in by_cart(live).items()
        if any(
            payment.status == "pending" and not _has(other, payment)
            for reservation in reservations
            for payment in reservation.payments
            for other in reservations
        )
    ]


def check_carts(reservations: Iterable[Reservation]) -> None:
    """Each payment of a cart pins, or has bought, all of it or nothing."""
    for cart, found in by_cart(reservations).items():
        states: dict[str, list[str]] = defaultdict(list)
        for reservation in found:
            for payment in reservation.payments:
                states[payment.id].append(payment.status)
        for payment_id, statuses in states.items():
            all_or_nothing = set(statuses) == {"failed"} or statuses in (["pending"] * EVENTS, ["completed"] * EVENTS)
            assert all_or_nothing, (cart, payment_id, found)
        assert len({reservation.status for reservation in found}) == 1, (cart, found)


def _has(reservation: Reservation, payment: Payment) -> bool:
    return payment.id in {one.id for one in reservation.payments}
