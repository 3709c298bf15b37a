"""Messages of msgspec in plain words, for people who write a front end and know neither msgspec nor Python."""

import re
from collections.abc import Callable
from re import Match

import msgspec

from api.http.text import IN_WORDS

NO_WHOLE_NUMBER = "Expected a whole number in digits, without leading zeros"

UNKNOWN, MISSING = "unknown; check its name", "required, but missing"

_INSTANT = "a time in RFC 3339, like 2027-06-01T18:00:00Z"

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a decimal number",
    "str": "text",
    "bytes": "text in base64",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": _INSTANT,
    "date": "a date, like 2027-06-01",
    "time": "a time of day, like 18:00:00",
    "duration": "a duration in ISO 8601, like PT15M",
    "uuid": "a UUID",
}
"""The types of msgspec, as they are expected."""

_GIVEN = _KINDS | {"float": "a number with a decimal point", "datetime": "a time", "bool": "true or false"}
"""The types of msgspec, as they came."""

_PARTS = {"str": "character", "bytes": "byte", "array": "item", "object": "member"}

_LIMITS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}

_FIXED = {
    "Invalid RFC3339 encoded datetime": f"Expected {_INSTANT}",
    "Invalid RFC3339 encoded date": f"Expected {_KINDS['date']}",
    "Invalid RFC3339 encoded time": f"Expected {_KINDS['time']}",
    "Invalid ISO8601 duration": f"Expected {_KINDS['duration']}",
    "Invalid UUID": "Expected a UUID",
    "Invalid UUID bytes": "Expected a UUID",
    "Invalid decimal string": "Expected a decimal number",
    "Invalid base64 encoded string": "Expected text in base64",
    "Invalid epoch timestamp": f"Expected {_INSTANT}",
    "Timestamp is out of range": "Expected a time in the years 1 to 9999",
    "Duration is out of range": "Expected a shorter duration",
    "Number out of range": "Expected a smaller number",
    "Integer value out of range": "Expected a smaller number",
}
_NO_VALUE = "Expected another value; see the documentation of this field"


def _one_of(kinds: str, words: dict[str, str]) -> str:
    return " or ".join(words.get(kind, "another value") for kind in kinds.split(" | "))


def _number(text: str) -> str:
    return text.removesuffix(".0")


def _count(number: str, kind: str) -> str:
    part = _PARTS.get(kind, "item")
    return f"{number} {part}" if number == "1" else f"{number} {part}s"


def _other_kind(found: Match[str]) -> str:
    return f"Expected {_one_of(found['kinds'], _KINDS)}, not {_one_of(found['given'], _GIVEN)}"


def _bound(found: Match[str]) -> str:
    return f"Expected {_one_of(found['kinds'], _KINDS)} {_LIMITS[found['sign']]} {_number(found['number'])}"


def _multiple(found: Match[str]) -> str:
    return f"Expected {_one_of(found['kinds'], _KINDS)} that is a multiple of {_number(found['number'])}"


def _length(found: Match[str]) -> str:
    counted = _count(found["number"], found["kinds"])
    return f"Expected {_one_of(found['kinds'], _KINDS)} {_LIMITS[found['sign']]} {counted}"


def _items(found: Match[str]) -> str:
    limit = f"at {found['limit']} " if found["limit"] else ""
    counted = f"{found['least']} to {_count(found['most'], '')}" if found["most"] else _count(found["least"], "")
    given = f", not of {found['given']}" if found["given"] else ""
    return f"Expected a list of {limit}{counted}{given}"


def _pattern(found: Match[str]) -> str:
    for pattern, words in IN_WORDS.items():
        if found["pattern"] == repr(pattern):
            return f"Expected text {words}"
    return "Expected text in the format that the documentation of this field names"


def _zone(found: Match[str]) -> str:
    which = "with" if found["which"] == "a" else "without"
    return f"Expected a time {which} an offset from UTC" + (", like 2027-06-01T18:00:00Z" if which == "with" else "")


_KIND = r"Expected `(?P<kinds>[^`]*)`"
_SHAPES: tuple[tuple[re.Pattern[str], Callable[[Match[str]], str]], ...] = (
    (re.compile(rf"{_KIND}, got `(?P<given>[^`]*)`"), _other_kind),
    (re.compile(rf"{_KIND} (?P<sign>[<>]=?) (?P<number>\S+)"), _bound),
    (re.compile(rf"{_KIND} that's a multiple of (?P<number>\S+)"), _multiple),
    (re.compile(rf"{_KIND} of length (?P<sign>[<>]=) (?P<number>\d+)"), _length),
    (
        re.compile(
            r"Expected `array` of (?:at (?P<limit>least|most) )?length (?P<least>\d+)(?: to (?P<most>\d+))?"
            r"(?:, got (?P<given>\d+))?"
        ),
        _items,
    ),
    (re.compile(r"Expected `str` matching regex (?P<pattern>.*)", re.DOTALL), _pattern),
    (re.compile(r"Expected `\w+` with (?P<which>a|no) timezone component"), _zone),
    (re.compile(_KIND), lambda found: f"Expected {_one_of(found['kinds'], _KINDS)}"),
    (re.compile(r"Object contains unknown field `.*`", re.DOTALL), lambda _: UNKNOWN),
    (re.compile(r"Object missing required field `.*`", re.DOTALL), lambda _: MISSING),
)
"""All shapes of its messages, with what writes them in words; `_FIXED` has those without a variable part."""


def in_plain_words(message: str, choices: list[str]) -> str:
    """A message of msgspec's, without its path. `choices`: the words that the field takes, if it takes only some."""
    if message.startswith(("Invalid enum value", "Invalid value")):
        return f"Expected one of: {', '.join(choices)}" if choices else _NO_VALUE
    fixed = _FIXED.get(message.strip())
    if fixed is not None:
        return fixed
    for shape, words in _SHAPES:
        found = shape.fullmatch(message)
        if found:
            return words(found)
    return _NO_VALUE


def why_no_json(error: msgspec.DecodeError | UnicodeDecodeError) -> str:
    """The fault of bytes that are no JSON, and its place."""
    if isinstance(error, UnicodeDecodeError):
        return "a text in it is not in UTF-8"
    message = str(error)
    return "it ends too early" if message == "Input data was truncated" else message.removeprefix("JSON is malformed: ")
