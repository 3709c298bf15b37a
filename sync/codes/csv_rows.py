"""Codes as CSV (RFC 4180)."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from io import StringIO

from engine.stock import CodeCounts
from sync.codes.terms import StoredCode

HEAD = (
    *(
        "code",
        "kind",
        "tag",
        "customer_id",
        "ticket_ids",
        "max_uses",
        "max_places_per_use",
        "valid_from",
        "valid_until",
    ),
    *("percent", "amount_off_minor", "price_minor", "budget_minor", "places", "opens_at"),
    *("uses", "places_held", "places_sold", "saved_minor", "currency"),
)

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes what begins with these for a formula, and may run it."""


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def csv_row(stored: StoredCode, counts: CodeCounts, currency: str) -> list[object]:
    """A code as a row, in the order of `HEAD`."""
    fields = stored.fields
    return [
        *(stored.code, fields.kind.value, fields.tag, fields.customer_id, " ".join(map(str, fields.ticket_ids))),
        *(fields.max_uses, fields.max_places_per_use, _instant(fields.valid_from), _instant(fields.valid_until)),
        *(fields.percent, fields.amount_off_minor, fields.price_minor, fields.budget_minor, fields.places),
        *(_instant(fields.opens_at), counts.uses, counts.held, counts.sold, counts.spent_minor, currency),
    ]


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
