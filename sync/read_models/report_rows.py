"""The rows that answer a report."""

from __future__ import annotations

from typing import Any, NamedTuple


class Rows(NamedTuple):
    """An answer: names of columns, and values that are int, float, str, date, aware datetime or None.

    A naive datetime is a time on the clocks of an event. `total` is how many rows there are without the limit.
    """

    columns: list[str]
    values: list[tuple[Any, ...]]
    total: int

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        number = self.columns.index(name)
        return [row[number] for row in self.values]
