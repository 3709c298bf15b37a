"""Errors in fields are described in words for people."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from api.codes.schemas import Codes
from api.http.field_errors import wrong_fields
from api.http.pagination import PageQuery
from api.http.problems import Problem
from api.http.requests import read_query
from api.http.text import CustomerId, Text
from engine.words import EventStatus


class NamesQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    name: Text | None = None
    customer_id: CustomerId | None = None
    status: EventStatus | None = None
    available: Literal["true", "false"] = "true"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=05", "limit: Expected a whole number in digits, without leading zeros"),
        ("limit=many", "limit: Expected a whole number in digits, without leading zeros"),
        ("customer_id=a%20b", "customer_id: Expected text of visible ASCII characters, without spaces"),
        (
            "name=%00",
            "name: Expected text with something to see, and without control, zero-width or direction characters",
        ),
        ("status=held", "status: Expected one of: draft, on_sale, paused, closed, cancelled"),
        ("available=yes", "available: Expected one of: false, true"),
        ("foo=1", "foo: unknown; check its name"),
        ("=1", "the query: unknown; check its name"),
    ],
)
def test_errors_of_a_query(query: str, detail: str) -> None:
    with pytest.raises(Problem) as raised:
        read_query(make_mocked_request("GET", f"/?{query}"), NamesQuery)
    assert raised.value.detail == detail


@pytest.mark.parametrize("limit", ["1.0", "1e1", "50.00", "1E1", "-0.0"])
def test_a_whole_number_is_written_in_digits(limit: str) -> None:
    with pytest.raises(Problem) as raised:
        read_query(make_mocked_request("GET", f"/?limit={limit}"), NamesQuery)
    assert raised.value.detail == "limit: Expected a whole number in digits, without leading zeros"
    assert read_query(make_mocked_request("GET", "/?limit=50"), NamesQuery).limit == 50


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    states: list[EventStatus] = []
    codes: Codes = []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"states": ["draft", "held"]}, "states[1]: Expected one of: draft, on_sale, paused, closed, cancelled"),
        (
            {"codes": [".."]},
            "codes[0]: Expected text of letters, digits and the characters . _ ~ - alone, and not only . or ..",
        ),
    ],
)
def test_elements_of_a_list_are_described_in_words(body: dict[str, Any], detail: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(body, _Wanted)
    assert wrong_fields(raised.value, body, _Wanted).detail == detail


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket_id: int
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1


class _Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[_Line]
    name: Text
    customer: _Line | None = None


def test_all_wrong_fields_are_reported() -> None:
    body = {
        "items": [{"ticket_id": "1", "quantity": 0}, {"quantity": 1, "qty": 2}, {"ticket_id": 1}],
        "name": "",
        "customer": {"ticket_id": 1.5},
        "foo": 1,
    }
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(body, _Order)
    problem = wrong_fields(raised.value, body, _Order)
    assert [field.path for field in problem.members["fields"]] == [
        "items[0].ticket_id",
        "items[0].quantity",
        "items[1].qty",
        "items[1].ticket_id",
        "name",
        "customer.ticket_id",
        "foo",
    ]
    assert problem.detail.startswith("items[0].ticket_id: Expected a whole number, not text; and 6 more")


def test_a_query_tells_of_all_its_wrong_parameters() -> None:
    with pytest.raises(Problem) as raised:
        read_query(make_mocked_request("GET", "/?limit=1.0&status=held&foo=1"), NamesQuery)
    assert [field.path for field in raised.value.members["fields"]] == ["limit", "status", "foo"]


def test_a_list_that_is_wrong_everywhere_is_reported_in_part() -> None:
    body = {"items": [{"ticket_id": "x"}] * 1000, "name": "a"}
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(body, _Order)
    assert len(wrong_fields(raised.value, body, _Order).members["fields"]) <= 20
