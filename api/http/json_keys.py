"""Members of JSON objects that are there twice: which would count? Parsers differ, so it is an error (RFC 8259, 4)."""

import json
from typing import Any

import msgspec

from api.http.field_errors import problem_of_fields
from api.http.problems import WrongField

_DECODER, _ENCODER = msgspec.json.Decoder(), msgspec.json.Encoder()


class _Repeated(dict[str, Any]):
    """An object with members that it has twice."""

    names: list[str]


def check_keys(body: bytes) -> None:
    """Returns for JSON whose objects have each member once. Raises Problem invalid.

    The body is JSON, as who decoded it before knows. What is decoded has each member once, so if nothing is lost on the
    way there and back, all were different. Without escapes a text has two quotation marks, so these tell.
    """
    if b"\\" not in body and _ENCODER.encode(_DECODER.decode(body)).count(b'"') == body.count(b'"'):
        return
    wrong = _wrong(json.loads(body, object_pairs_hook=_object), "")
    if wrong:
        raise problem_of_fields(wrong)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = _Repeated(members)
    seen: set[str] = set()
    repeated.names = [name for name, _ in pairs if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    return repeated


def _wrong(data: Any, path: str) -> list[WrongField]:
    found: list[WrongField] = []
    if isinstance(data, _Repeated):
        found += [WrongField(f"{path}.{name}" if path else name, "given more than once") for name in data.names]
    if isinstance(data, dict):
        for name, value in data.items():
            found += _wrong(value, f"{path}.{name}" if path else name)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            found += _wrong(value, f"{path}[{number}]")
    return found
