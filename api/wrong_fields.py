"""What is wrong with a field of a body, or a parameter of a query, in words for people."""

import re
from typing import Any

import msgspec
from msgspec import inspect

from api.problems import Problem, invalid

# `$` alone would let a newline at the end through.
_END = r"$(?!\n)"

NO_CONTROLS = rf"^[^\x00-\x1f\x7f]*{_END}"
"""The pattern of texts for people."""

VISIBLE_ASCII = rf"^[!-~]+{_END}"
"""The pattern of texts for programs."""

_IN_WORDS = {VISIBLE_ASCII: "of visible ASCII characters, without spaces", NO_CONTROLS: "without control characters"}

_WHERE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:contains (?P<unknown>unknown)|missing required) field `(?P<field>.*)`$")
_TEXT_FOR_NUMBER = re.compile(r"^Expected `int(?: \| null)?`, got `str`$")


def wrong_field(error: msgspec.ValidationError, shape: type[Any], *, of: str = "the body") -> Problem:
    """The problem of an error like `message - at `$.items[0].quantity``; `shape` is what was to be read `of` that."""
    match = _WHERE.match(str(error))
    message, path = (match["message"], match["path"] or "$") if match else (str(error), "$")
    path = path.removeprefix("$").removeprefix(".")
    field = _FIELD.match(message)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
        message = "unknown; check its name" if field["unknown"] else "required, but missing"
    elif of == "the query" and _TEXT_FOR_NUMBER.match(message):
        message = "Expected a whole number in digits, without leading zeros"
    elif message.startswith("Invalid enum value") and (choices := _choices_of(shape, path)):
        message = f"Expected one of: {', '.join(choices)}"
    for pattern, words in _IN_WORDS.items():
        message = message.replace(f"matching regex {pattern!r}", words)
    return invalid(path, message, of=of)


def _choices_of(shape: type[msgspec.Struct], name: str) -> list[str]:
    """What a field of this name takes: the words of its enum or literal. None where there is no such field."""
    types = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    kind = inspect.type_info(types.get(name))
    choices: list[str] = []
    for one in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(one, inspect.EnumType):
            choices += [member.value for member in one.cls]
        elif isinstance(one, inspect.LiteralType):
            choices += map(str, one.values)
    return choices
