"""Messages for invalid fields of a body or parameters of a query: all of them at once."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType, inspect

from api.http.field_messages import NO_WHOLE_NUMBER, in_plain_words
from api.http.problems import Code, Problem, WrongField

_MOST = 20
"""The largest number of invalid fields in one answer."""

_WHERE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<field>.*)`$", re.DOTALL)
_TEXT_FOR_NUMBER = re.compile(r"^Expected `int(?: \| null)?`, got `str`$")


def wrong_fields(error: msgspec.ValidationError, data: Any, shape: type[Any], *, of: str = "the body") -> Problem:
    """The problem of an error, with all that is wrong in `data`, which was to be read as `shape` `of` that.

    `data` is the decoded JSON, or a dictionary of texts; UNSET, if there is only the error.
    """
    strict = of == "the body"
    found = [] if data is UNSET else list(_faults(data, shape, "", strict=strict, left=_MOST))
    said = [_in_words(fault, path, kind, of) for path, fault, kind in found] or [_in_words(str(error), "", shape, of)]
    return problem_of_fields(said, of=of)


def problem_of_fields(fields: list[WrongField], *, of: str = "the body") -> Problem:
    """422 about these fields."""
    first = fields[0]
    more = f"; and {len(fields) - 1} more, see `fields`" if len(fields) > 1 else ""
    return Problem(Code.INVALID, f"{first.path or of}: {first.message}{more}", fields=fields)


def _faults(data: Any, shape: Any, path: str, *, strict: bool, left: int) -> Iterator[tuple[str, str, Any]]:
    """Paths, messages and types of all that does not fit, at most about `left`."""
    try:
        msgspec.convert(data, shape, strict=strict)
    except msgspec.ValidationError as error:
        told = 0
        for fault in _parts(data, shape, path, strict=strict, left=left):
            yield fault
            told += 1
            if told >= left:
                return
        if not told:
            yield path, str(error), shape


def _parts(data: Any, shape: Any, path: str, *, strict: bool, left: int) -> Iterator[tuple[str, str, Any]]:
    """The faults of what `data` is made of. None, if it is wrong as a whole."""
    struct, item = _struct_and_item(shape)
    if struct is not None and isinstance(data, dict):
        types = get_type_hints(struct, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        for name, value in data.items():
            if name in fields:
                yield from _faults(
                    value, types[fields[name].name], f"{path}.{name}" if path else name, strict=strict, left=left
                )
            else:
                yield path, f"Object contains unknown field `{name}`", shape
        for name, field in fields.items():
            if field.required and name not in data:
                yield path, f"Object missing required field `{name}`", shape
    elif item is not None and isinstance(data, list):
        for number, value in enumerate(data):
            yield from _faults(value, item, f"{path}[{number}]", strict=strict, left=left)


def _struct_and_item(shape: Any) -> tuple[type[msgspec.Struct] | None, Any]:
    """The struct that a type takes, and the type of the items of a list that it takes; None where it takes none."""
    origin = get_origin(shape)
    if origin is Annotated:
        return _struct_and_item(get_args(shape)[0])
    if origin is list:
        return None, get_args(shape)[0]
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return shape, None
    if origin in (Union, UnionType):
        found = [_struct_and_item(one) for one in get_args(shape) if one not in (type(None), UnsetType)]
        structs = [struct for struct, _ in found if struct is not None]
        items = [item for _, item in found if item is not None]
        return (structs[0] if len(structs) == 1 else None), (items[0] if len(items) == 1 else None)
    return None, None


def _in_words(text: str, where: str, shape: Any, of: str) -> WrongField:
    """A message of msgspec's about a value of that shape, maybe with a path of its own below `where`."""
    match = _WHERE.match(text)
    message, below = (match["message"], match["path"] or "$") if match else (text, "$")
    below = below.removeprefix("$")
    path = f"{where}{below}" if where else below.removeprefix(".")
    field = _FIELD.match(message)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
    elif of == "the query" and _TEXT_FOR_NUMBER.match(message):
        return WrongField(path, NO_WHOLE_NUMBER)
    choices = _choices_of(shape) if message.startswith("Invalid enum value") and not below else []
    return WrongField(path, in_plain_words(message, choices))


def _choices_of(shape: Any) -> list[str]:
    """The words that a type takes, if it takes only some."""
    kind = inspect.type_info(shape)
    choices: list[str] = []
    for one in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        plain = one.type if isinstance(one, inspect.Metadata) else one
        if isinstance(plain, inspect.EnumType):
            choices += [str(member.value) for member in plain.cls]
        elif isinstance(plain, inspect.LiteralType):
            choices += map(str, plain.values)
    return choices
