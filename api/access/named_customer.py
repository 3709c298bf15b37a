"""The customer whom a body names."""

import msgspec
from msgspec import UNSET, UnsetType

from api.http.text import CustomerId, Text


class CustomerBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """The customer of a request.

    A customer's token says the id; every other caller gives it.
    """

    id: CustomerId | UnsetType = UNSET
    first_name: Text | None = None
    last_name: Text | None = None

    @property
    def given_id(self) -> str | None:
        """The id; None if there is none."""
        return self.id or None
