"""The catalogue as the audit log tells it: money with its currency, and instants as text, as in the API."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTERNAL = frozenset({"revision", "section_capacity", "version"})


def logged(value: Any, currency: str) -> Any:
    """A struct of the catalogue, or a mapping of its fields, as JSON for the log."""
    return _shown(msgspec.to_builtins(value), currency)


def logged_changes(before: Any, after: Any, currency: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, before and after."""
    was, now = logged(before, currency), logged(after, currency)
    names = [name for name in now if now[name] != was.get(name)]
    return {name: was.get(name) for name in names}, {name: now[name] for name in names}


def _shown(value: Any, currency: str) -> Any:
    if isinstance(value, Mapping):
        hidden = _INTERNAL | {"currency"} if "unit_minor" in value else _INTERNAL  # a price has its own
        return dict(_field(name, each, currency) for name, each in value.items() if name not in hidden)
    if isinstance(value, list):
        return [_shown(each, currency) for each in value]
    return value


def _field(name: str, value: Any, currency: str) -> tuple[str, Any]:
    if name == "unit_minor":
        return "price", {"amount": value, "currency": currency}
    if name.endswith("_ms"):
        at = f"{name.removesuffix('_ms')}_at"
        return at, value if value is None else msgspec.to_builtins(_EPOCH + timedelta(milliseconds=value))
    return name, _shown(value, currency)
