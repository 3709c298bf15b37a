"""The verdict finds each thing that can be wrong, and nothing in a drop that went well."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from loadtest.drop.observations import Booked, ObservedReservation, Told
from loadtest.drop.verdict import Found, Reservation, Stock, breaches

SEATS, PLACES = 8, 7


def told(**states: str) -> Told:
    """The answers to all: Anna took two places, Piotr two seats; both booked a slot."""
    return Told(
        10.0,
        [],
        [
            ObservedReservation("1-anna", 1, PLACES, 2, [], states.get("anna", "paid")),
            ObservedReservation("2-piotr", 2, SEATS, 2, [101, 102], states.get("piotr", "paid")),
            ObservedReservation("1-gone", 1, PLACES, 1, [], states.get("gone", "held")),
        ],
        [Booked("b-1", 3, "2027-01-01 10:00"), Booked("b-2", 3, states.get("slot", "2027-01-01 11:00"))],
        [],
    )


def found() -> Found:
    return Found(
        [],
        {
            "1-anna": Reservation("paid", {PLACES: 2}, []),
            "2-piotr": Reservation("paid", {SEATS: 2}, [101, 102]),
            "1-gone": Reservation("expired", {PLACES: 1}, []),
            "1-open": Reservation("paying", {PLACES: 1}, []),
        },
        {PLACES: Stock(5, 2, 1, 2), SEATS: Stock(4, 2, 0, 2)},
        {"b-1": "2027-01-01 10:00", "b-2": "2027-01-01 11:00"},
        1,
    )


def test_a_drop_that_went_well_is_clean() -> None:
    assert breaches(told(), found()) == []


def with_reservation(rid: str, reservation: Reservation) -> Callable[[Found], Found]:
    return lambda whole: replace(whole, reservations={**whole.reservations, rid: reservation})


def with_stock(ticket_id: int, stock: Stock) -> Callable[[Found], Found]:
    return lambda whole: replace(whole, stock={**whole.stock, ticket_id: stock})


@pytest.mark.parametrize(
    ("spoil", "breach"),
    [
        (lambda whole: replace(whole, breaches=["a pool is not conserved"]), "audit: a pool is not conserved"),
        (lambda whole: replace(whole, reservations={}), "told paid: 1-anna does not exist"),
        (with_reservation("1-anna", Reservation("expired", {PLACES: 2}, [])), "told paid: 1-anna is expired"),
        (with_reservation("1-anna", Reservation("paid", {PLACES: 1}, [])), "told 2 places of ticket 7: 1-anna has 1"),
        (with_reservation("2-eve", Reservation("held", {SEATS: 1}, [102])), "seat 102 of event 2 has 2 owners"),
        (with_reservation("1-eve", Reservation("paid", {PLACES: 9}, [])), "ticket 7: 11 sold of 5"),
        (with_stock(PLACES, Stock(5, 3, 1, 2)), "ticket 7 is not conserved"),
        (with_stock(PLACES, Stock(5, -1, 1, 5)), "ticket 7 is not conserved"),
        (with_stock(SEATS, Stock(4, 1, 1, 2)), "ticket 8: reservations hold 0 and bought 2, the engine counts 1 and 2"),
        (lambda whole: replace(whole, bookings={"b-1": "2027-01-01 10:00"}), "booking b-2 was told 2027-01-01 11:00"),
        (
            lambda whole: replace(whole, bookings={**whole.bookings, "b-3": "2027-01-01 10:00"}),
            "slot 2027-01-01 10:00: 2 people, 1 places",
        ),
    ],
)
def test_each_wrong_is_found(spoil: Callable[[Found], Found], breach: str) -> None:
    assert [one for one in breaches(told(), spoil(found())) if one.startswith(breach)]


@pytest.mark.parametrize(
    ("said", "breach"),
    [
        ({"anna": "cancelled"}, "told cancelled: 1-anna is paid"),
        ({"anna": "held"}, "told held: 1-anna is paid"),
        ({"gone": "paid"}, "told paid: 1-gone is expired"),
        ({"slot": ""}, "booking b-2 was told deleted, and is in 2027-01-01 11:00"),
    ],
)
def test_wrong_answers_to_people_are_found(said: dict[str, str], breach: str) -> None:
    assert breaches(told(**said), found()) == [breach]


@pytest.mark.parametrize("said", [{"anna": "unknown"}, {"gone": "unknown"}, {"slot": "?"}])
def test_unanswered_people_may_have_any_state(said: dict[str, str]) -> None:
    assert breaches(told(**said), found()) == []
