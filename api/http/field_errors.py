"""Messages for invalid fields of a body or parameters of a query: all of them at once."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType, inspect

from api.http.problems import Code, Problem, WrongField
from api.http.text import IN_WORDS

_MOST = 20
"""The largest number of invalid fields in one answer."""

_WHERE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:contains (?P<unknown>unknown)|missing required) field `(?P<field>.*)`$", re.DOTALL)
_TEXT_FOR_NUMBER = re.compile(r"^Expected `int(?: \| null)?`, got `str`$")

NO_WHOLE_NUMBER = "Expected a whole number in digits, without leading zeros"


def wrong_fields(error: msgspec.ValidationError, data: Any, shape: type[Any], *, of: str = "the body") -> Problem:
    """The problem of an error, with all that is wrong in `data`, which was to be read as `shape` `of` that.

    `data` is the decoded JSON, or a dictionary of texts; UNSET, if there is only the error.
    """
    strict = of == "the body"
    found = [] if data is UNSET else list(_faults(data, shape, "", strict=strict, left=_MOST))
    said = [_in_words(fault, path, shape, of) for path, fault in found] or [_in_words(str(error), "", shape, of)]
    return problem_of_fields(said, of=of)


def problem_of_fields(fields: list[WrongField], *, of: str = "the body") -> Problem:
    """422 about these fields."""
    first = fields[0]
    more = f"; and {len(fields) - 1} more, see `fields`" if len(fields) > 1 else ""
    return Problem(Code.INVALID, f"{first.path or of}: {first.message}{more}", fields=fields)


def _faults(data: Any, shape: Any, path: str, *, strict: bool, left: int) -> Iterator[tuple[str, str]]:
    """Paths and messages of all that does not fit, at most about `left`."""
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
            yield path, str(error)


def _parts(data: Any, shape: Any, path: str, *, strict: bool, left: int) -> Iterator[tuple[str, str]]:
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
                yield path, f"Object contains unknown field `{name}`"
        for name, field in fields.items():
            if field.required and name not in data:
                yield path, f"Object missing required field `{name}`"
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


def _in_words(text: str, where: str, shape: type[Any], of: str) -> WrongField:
    """A message of msgspec's, maybe with a path of its own below `where`."""
    match = _WHERE.match(text)
    message, path = (match["message"], match["path"] or "$") if match else (text, "$")
    path = path.removeprefix("$")
    path = f"{where}{path}" if where else path.removeprefix(".")
    field = _FIELD.match(message)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
        message = "unknown; check its name" if field["unknown"] else "required, but missing"
    elif of == "the query" and _TEXT_FOR_NUMBER.match(message):
        message = NO_WHOLE_NUMBER
    elif message.startswith("Invalid enum value") and (choices := _choices_of(shape, path)):
        message = f"Expected one of: {', '.join(choices)}"
    for pattern, words in IN_WORDS.items():
        message = message.replace(f"matching regex {pattern!r}", words)
    return WrongField(path, message)


def _choices_of(shape: type[msgspec.Struct], name: str) -> list[str]:
    """The words of an enum or literal field; None for other fields."""
    types = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    field, _, place = name.partition("[")
    kind = inspect.type_info(types.get(field))
    if place and (listed := _list_in(kind)):
        kind = listed.item_type
    choices: list[str] = []
    for one in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(one, inspect.EnumType):
            choices += [member.value for member in one.cls]
        elif isinstance(one, inspect.LiteralType):
            choices += map(str, one.values)
    return choices


def _list_in(kind: inspect.Type) -> inspect.ListType | None:
    """The list that a type takes; None where it takes none."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return next((one for one in kinds if isinstance(one, inspect.ListType)), None)
