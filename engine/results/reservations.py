"""Results about reservations in any state, and refusals by their state."""

from engine.results.result import OnRecord, Result


class Erased(OnRecord, frozen=True, tag="erased"):
    """The details about the customer are those that were asked for."""


class Found(OnRecord, frozen=True, tag="found"):
    """The reservation as it is."""


class KeyReused(Result, frozen=True, tag="key_reused"):
    """The id was used for another request."""


class NotFound(Result, frozen=True, tag="not_found"):
    """No such reservation or booking, or it ended longer ago than records are kept in Redis."""


class Expired(Result, frozen=True, tag="expired"):
    """The hold expired."""


class AlreadyCancelled(Result, frozen=True, tag="already_cancelled"):
    """The reservation was cancelled."""


class PaymentInProgress(Result, frozen=True, tag="payment_in_progress"):
    """Another attempt is under way."""


class AlreadyPaid(Result, frozen=True, tag="already_paid"):
    """The reservation was paid."""


class NotHeld(Result, frozen=True, tag="not_held"):
    """The reservation was refunded, or a refund is due."""
