"""Answers about holds that managers count and release."""

from typing import Any, ClassVar

import msgspec

from api.http.types import Money, Number


class HoldsInState(msgspec.Struct, frozen=True):
    """Reservations in one state, their places, their customers, and their worth in each currency."""

    reservations: Number
    places: Number
    customers: Number
    amounts: list[Money]

    EXAMPLE: ClassVar[Any] = {"reservations": 2, "places": 3, "customers": 2, "amounts": [Money.EXAMPLE]}


class Holds(msgspec.Struct, frozen=True):
    """Everybody whom a change may affect.

    `held` and `paying` are live holds, those of `paying` with a payment under way. `bookings` are of slots to come,
    `waiting` the places that are waited for on waiting lists; a query for a seat counts neither.
    """

    held: HoldsInState
    paying: HoldsInState
    paid: HoldsInState
    bookings: Number
    waiting: Number

    EXAMPLE: ClassVar[Any] = {
        "held": HoldsInState.EXAMPLE,
        "paying": {"reservations": 0, "places": 0, "customers": 0, "amounts": []},
        "paid": HoldsInState.EXAMPLE,
        "bookings": 0,
        "waiting": 0,
    }


class ReleasedHolds(msgspec.Struct, frozen=True):
    """The part of the holds that a request looked at.

    `released` of them were ended, with that many `places`. `paying` were left, because a payment is under way; `ended`
    had ended meanwhile: paid, cancelled, or expired. `next_cursor` leads to the holds before these; null: that was all.
    """

    released: Number
    places: Number
    paying: Number
    ended: Number
    next_cursor: str | None

    EXAMPLE: ClassVar[Any] = {"released": 2, "places": 3, "paying": 1, "ended": 0, "next_cursor": None}
