"""Members of JSON objects that are there twice: which would count? Parsers differ, so it is an error (RFC 8259, 4)."""

import json
import re
from typing import Any

from api.http.field_errors import problem_of_fields
from api.http.problems import WrongField

_AT_COLON = re.compile(rb"\s*:").match


class _Repeated(dict[str, Any]):
    """An object with members that it has twice."""

    names: list[str]


def check_keys(body: bytes) -> None:
    """Returns for JSON whose objects have each member once. Raises Problem invalid.

    Nearly all bodies have each name once altogether; only others, and those with escapes, are decoded again for this.
    """
    if b"\\" not in body:
        parts = body.split(b'"')  # without escapes every second part is a text; what comes before a colon is a name
        names = [name for name, after in zip(parts[1::2], parts[2::2], strict=False) if _AT_COLON(after)]
        if len(set(names)) == len(names):
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
