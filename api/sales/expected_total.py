"""The total that a customer was shown: at another one nothing is held."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.requests import CurrencyText, check_currency
from engine.commands.items import ANY_TOTAL


class ExpectedTotal(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """The total that was shown, in minor units."""

    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: CurrencyText


def expected_minor(total: ExpectedTotal | None, currency: str) -> int:
    """The total for the engine, in minor units of its event's currency. Raises Problem currency_not_supported."""
    if total is None:
        return ANY_TOTAL
    check_currency(total.currency, currency)
    return total.amount
