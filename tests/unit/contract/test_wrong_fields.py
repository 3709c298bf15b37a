"""What is wrong with a field is said in words for people."""

from typing import Literal

import pytest
from aiohttp.test_utils import make_mocked_request

from api.bodies import CustomerId, Text, read_query
from api.pages import PageQuery
from api.problems import Problem
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
        ("customer_id=a%20b", "customer_id: Expected `str` of visible ASCII characters, without spaces"),
        ("name=%00", "name: Expected `str` without control characters"),
        ("status=held", "status: Expected one of: draft, on_sale, closed, cancelled"),
        ("available=yes", "available: Expected one of: false, true"),
        ("foo=1", "foo: unknown; check its name"),
        ("=1", "the query: unknown; check its name"),
    ],
)
def test_what_is_wrong_with_a_query(query: str, detail: str) -> None:
    with pytest.raises(Problem) as raised:
        read_query(make_mocked_request("GET", f"/?{query}"), NamesQuery)
    assert raised.value.detail == detail
