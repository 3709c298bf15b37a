"""Values of reports as text: for people, for spreadsheets and for programs."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal, NamedTuple

from engine.currencies import MINOR_DIGITS
from sync.read_models.report_rows import Rows

_MINOR = "_minor"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full width: formulas too
"""A spreadsheet runs a text that begins so, also behind spaces."""


class Column(NamedTuple):
    """A column as people read it: of figures, ids, times or names."""

    title: str
    kind: Literal["figure", "id", "time", "name"]


def columns_of(rows: Rows) -> list[Column]:
    """The titles of columns, and what is in them."""
    return [
        Column(name.removesuffix(_MINOR).replace("_", " "), _kind(name, rows.column(name))) for name in rows.columns
    ]


def _kind(name: str, values: Sequence[Any]) -> Literal["figure", "id", "time", "name"]:
    if all(isinstance(value, int | float | None) for value in values):
        return "id" if name.endswith("_id") else "figure"
    return "time" if all(isinstance(value, date | None) for value in values) else "name"


def texts_of(rows: Rows, zone: tzinfo) -> list[list[str]]:
    """All values as people read them: money in major units, times in a time zone."""
    currencies = rows.column("currency") if "currency" in rows.columns else [None] * len(rows.values)
    return [
        [_text(name, value, currency, zone) for name, value in zip(rows.columns, row, strict=True)]
        for row, currency in zip(rows.values, currencies, strict=True)
    ]


def _text(column: str, value: Any, currency: str | None, zone: tzinfo) -> str:
    if value is None:
        return ""
    if column.endswith(_MINOR):
        return money_text(value, currency)
    if isinstance(value, datetime):
        return f"{value if value.tzinfo is None else value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))


def digits_of(currency: str | None) -> int:
    """Digits of a currency's minor unit."""
    return MINOR_DIGITS.get(currency or "", 2)


def money_text(minor: int, currency: str | None) -> str:
    """An amount in major units with all its digits: `-0.05`."""
    digits = digits_of(currency)
    sign, text = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def printable(text: str) -> str:
    """A text without the characters that control a terminal or change the direction of what follows, each as U+FFFD."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs") else character
        for character in text
    )


def spreadsheet_row(row: Sequence[Any]) -> list[Any]:
    """Values for CSV. A text that a spreadsheet would run as a formula has an apostrophe before it."""
    return [_spreadsheet_value(value) for value in row]


def _spreadsheet_value(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    return plain(value)


def plain(value: Any) -> Any:
    """A value for programs: instants in UTC with ms and `Z`, local times with ms and nothing behind."""
    if isinstance(value, datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, date) else value


def instant_text(at: datetime) -> str:
    """`2026-01-01T10:01:00.000Z`; without `Z` if the time is local."""
    if at.tzinfo is None:
        return at.isoformat(timespec="milliseconds")
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
