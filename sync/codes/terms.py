"""The terms of codes, as managers set them, and as they are published."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from engine.terms import CodeTerms
from engine.words import CodeKind, DiscountForm


class CodeFields(msgspec.Struct, frozen=True):
    """Terms of codes as a manager gives them. Money is in minor units of the event's currency, times are aware.

    No `ticket_ids`: all tickets. None: no limit, anybody, or not of this kind. A discount has one of `percent`,
    `amount_off_minor` and `price_minor`; an allocation has `places` and one ticket; of an access code `opens_at` opens
    the sale.
    """

    kind: CodeKind
    ticket_ids: list[int] = []
    max_uses: int | None = None
    max_places_per_use: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    customer_id: str | None = None
    tag: str | None = None
    percent: int | None = None
    amount_off_minor: int | None = None
    price_minor: int | None = None
    budget_minor: int | None = None
    places: int | None = None
    opens_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def terms(self) -> CodeTerms:
        """The terms that decide about holds."""
        form, amount = DiscountForm.NONE, 0
        if self.percent is not None:
            form, amount = DiscountForm.PERCENT, self.percent
        elif self.amount_off_minor is not None:
            form, amount = DiscountForm.AMOUNT_OFF, self.amount_off_minor
        elif self.price_minor is not None:
            form, amount = DiscountForm.PRICE, self.price_minor
        return CodeTerms(
            kind=self.kind,
            ticket_ids=self.ticket_ids,
            max_uses=self.max_uses or 0,
            max_places=self.max_places_per_use or 0,
            from_ms=_ms(self.valid_from),
            until_ms=_ms(self.valid_until),
            customer_id=self.customer_id or "",
            form=form,
            amount=amount,
            budget_minor=self.budget_minor or 0,
            places=self.places or 0,
            opens_ms=_ms(self.opens_at),
            withdrawn=self.withdrawn_at is not None,
        )

    def values(self) -> list[Any]:
        """Its columns in Postgres, in the order of the fields."""
        return [getattr(self, name) for name in COLUMNS]


COLUMNS = CodeFields.__struct_fields__


class StoredCode(msgspec.Struct, frozen=True):
    """A code as Postgres has it. `terms_id`: of terms that it may share with others."""

    code: str
    terms_id: int
    created_at: datetime
    fields: CodeFields


def fields_of(row: asyncpg.Record) -> CodeFields:
    """The fields of a row of code_terms."""
    return msgspec.convert({name: row[name] for name in COLUMNS}, CodeFields)


def code_of(row: asyncpg.Record) -> StoredCode:
    """The code of a row of codes, joined with its terms."""
    return StoredCode(row["code"], row["id"], row["made_at"], fields_of(row))


def _ms(instant: datetime | None) -> int:
    return 0 if instant is None else round(instant.astimezone(UTC).timestamp() * 1000)
