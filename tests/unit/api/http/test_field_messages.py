"""All messages of msgspec are told in plain words."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, UnsetType, inspect

from api.http.field_errors import wrong_fields
from api.http.field_messages import in_plain_words, why_no_json
from api.http.text import IN_WORDS
from api.routes import DEV_ROUTES
from engine.words import CodeKind


class _Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    row: int


class _Code(msgspec.Struct, frozen=True):
    kind: CodeKind


class _Codes(msgspec.Struct, frozen=True):
    items: list[_Code]


class _Pair(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    row: int
    seat: int = 1


class _Seat(msgspec.Struct, frozen=True, tag="seat"):
    row: int


class _Area(msgspec.Struct, frozen=True, tag="area"):
    row: int


_INSTANT = "Expected a time in RFC 3339, like 2027-06-01T18:00:00Z"
_OTHER = "Expected another value; see the documentation of this field"

_TABLE: list[tuple[Any, Any, str]] = [
    ("x", int, "Expected a whole number, not text"),
    (1.0, int, "Expected a whole number, not a number with a decimal point"),
    (None, int, "Expected a whole number, not null"),
    ("x", int | None, "Expected a whole number or null, not text"),
    ("x", Annotated[int, Meta(ge=1)] | UnsetType | None, "Expected a whole number or null, not text"),
    (True, int, "Expected a whole number, not true or false"),
    ("x", int | list[int], "Expected a whole number or a list, not text"),
    (1, str, "Expected text, not a whole number"),
    ("x", float, "Expected a number, not text"),
    ("x", bool, "Expected true or false, not text"),
    ({}, list[int], "Expected a list, not an object"),
    ([], _Place, "Expected an object, not a list"),
    (1, dict[str, int] | None, "Expected an object or null, not a whole number"),
    (1, datetime, f"{_INSTANT}, not a whole number"),
    (1, CodeKind, "Expected text, not a whole number"),
    (1, type(None), "Expected null, not a whole number"),
    (0, Annotated[int, Meta(ge=1)], "Expected a whole number of at least 1"),
    (-(10**30), Annotated[int, Meta(ge=1)], "Expected a whole number of at least 1"),
    (9, Annotated[int, Meta(le=5)] | None, "Expected a whole number of at most 5"),
    (9, Annotated[int, Meta(multiple_of=2)], "Expected a whole number that is a multiple of 2"),
    (9.5, Annotated[float, Meta(le=1)], "Expected a number of at most 1"),
    (0.5, Annotated[float, Meta(ge=1.5)], "Expected a number of at least 1.5"),
    (9.5, Annotated[float, Meta(lt=1)], "Expected a number below 1"),
    (0.5, Annotated[float, Meta(gt=1)], "Expected a number above 1"),
    ("", Annotated[str, Meta(min_length=1)], "Expected text of at least 1 character"),
    ("abc", Annotated[str, Meta(max_length=2)], "Expected text of at most 2 characters"),
    ([], Annotated[list[int], Meta(min_length=1)], "Expected a list of at least 1 item"),
    ([1, 2, 3], Annotated[list[int], Meta(max_length=2)], "Expected a list of at most 2 items"),
    ({}, Annotated[dict[str, int], Meta(min_length=1)], "Expected an object of at least 1 member"),
    ("", Annotated[bytes, Meta(min_length=2)], "Expected text in base64 of at least 2 bytes"),
    (
        "x",
        Annotated[str, Meta(pattern="^`a`$")],
        "Expected text in the format that the documentation of this field names",
    ),
    ("other", CodeKind, "Expected one of: access, discount, allocation"),
    ("other", CodeKind | None, "Expected one of: access, discount, allocation"),
    ("c", Literal["a", "b"] | UnsetType, "Expected one of: a, b"),
    (3, Literal[1, 2], "Expected one of: 1, 2"),
    ("x", Annotated[datetime, Meta(tz=True)], _INSTANT),
    (
        "2027-06-01T18:00:00",
        Annotated[datetime, Meta(tz=True)],
        "Expected a time with an offset from UTC, like 2027-06-01T18:00:00Z",
    ),
    ("2027-06-01T18:00:00Z", Annotated[datetime, Meta(tz=False)], "Expected a time without an offset from UTC"),
    ("x", date, "Expected a date, like 2027-06-01"),
    ("x", time, "Expected a time of day, like 18:00:00"),
    ("x", timedelta, "Expected a duration in ISO 8601, like PT15M"),
    ("x", UUID, "Expected a UUID"),
    ("x", Decimal, "Expected a decimal number"),
    ("~", bytes, "Expected text in base64"),
    ({}, _Place, "required, but missing"),
    ({"row": 1, "seat": 2}, _Place, "unknown; check its name"),
    ([1], tuple[int, int], "Expected a list of 2 items, not of 1"),
    ([], _Pair, "Expected a list of at least 1 item, not of 0"),
    ([1, 2, 3], _Pair, "Expected a list of at most 2 items, not of 3"),
    ({"type": "row"}, _Seat | _Area, _OTHER),
]


@pytest.mark.parametrize(("data", "shape", "words"), _TABLE)
def test_a_message_is_told_in_plain_words(data: Any, shape: Any, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(data, shape)
    (field,) = wrong_fields(raised.value, data, shape).members["fields"]
    assert field.message == words


def test_choices_are_told_at_any_depth() -> None:
    data = {"items": [{"kind": "access"}, {"kind": "vip"}]}
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(data, _Codes)
    (field,) = wrong_fields(raised.value, data, _Codes).members["fields"]
    assert (field.path, field.message) == ("items[1].kind", "Expected one of: access, discount, allocation")


def _templates() -> set[str]:
    """The texts of validation errors in the library, each with its place for a path at the end."""
    library = Path(str(msgspec._core.__file__)).read_bytes()
    found = {text.decode() for text in re.findall(rb"[ -~]+?%U(?=\x00)", library)}
    return {
        text.removesuffix("%U") for text in found if re.match(r"Expected|Invalid|Object|Integer|Number|Time|Dur", text)
    }


def test_every_message_that_the_library_has_is_known() -> None:
    """A newer msgspec may have others. Those of MessagePack, which no client sends, are left out."""
    templates = {text for text in _templates() if "MessagePack" not in text and text != "%"}
    assert len(templates) > 30, "they are no longer found"
    unknown = []
    for text in templates:
        message = text.replace("`%s`", "`str`").replace("`%U`", "`str`").replace("%R", "'a'")
        message = message.replace(" %s ", " <= ").replace("%lld", "1").replace("%llu", "1").replace("%zd", "1")
        words = in_plain_words(message, ["a"])
        if words == _OTHER or "`" in words or "%" in words:
            unknown.append((text, words))
    assert unknown == []


def test_an_unknown_message_shows_no_type() -> None:
    assert in_plain_words("Expected `frozenset`", []) == "Expected another value"
    assert in_plain_words("Something else about `int`", []) == _OTHER


def _patterns(kind: inspect.Type, seen: set[type]) -> set[str]:
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return set()
        seen.add(kind.cls)
        return {pattern for field in kind.fields for pattern in _patterns(field.type, seen)}
    if isinstance(kind, inspect.UnionType):
        return {pattern for one in kind.types for pattern in _patterns(one, seen)}
    if isinstance(kind, inspect.Metadata):
        return _patterns(kind.type, seen)
    if isinstance(kind, inspect.ListType):
        return _patterns(kind.item_type, seen)
    pattern = getattr(kind, "pattern", None)
    return {pattern} if pattern else set()


def test_each_pattern_of_a_body_or_a_query_has_words() -> None:
    shapes = {shape for route in DEV_ROUTES for shape in (route.body, route.other_body, route.query) if shape}
    patterns = {pattern for shape in shapes for pattern in _patterns(inspect.type_info(shape), set())}
    assert len(patterns) > 5
    assert patterns <= set(IN_WORDS)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"row": 1', "it ends too early"),
        (b"{row}", "object keys must be strings (byte 1)"),
        (b'{"row": "\xff"}', "a text in it is not in UTF-8"),
        (b'{"\xff": 1}', "a text in it is not in UTF-8"),
    ],
)
def test_what_is_no_json(body: bytes, words: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as raised:
        msgspec.json.decode(body)
    assert isinstance(raised.value, msgspec.DecodeError | UnicodeDecodeError)
    assert why_no_json(raised.value) == words
