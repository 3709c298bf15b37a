"""The tokens of `onsale dev --auth jwt`: one secret for each data directory, so that tokens outlive a restart."""

import os
from pathlib import Path
from secrets import token_hex

import msgspec

from api.access.callers import Role
from api.access.minting import minted
from cli.dev.embedded import write_private
from engine.settings import PREFIX, Settings

_MONTH_SECONDS = 2_592_000
_SUBS = {Role.CUSTOMER: "22", Role.SERVICE: "shop", Role.MANAGER: "boss", Role.GATE: "north"}


class DevTokens:
    """A token of each role, valid for 30 days. The secret is in the data directory, or `ONSALE_JWT_SECRET`."""

    def __init__(self, data_dir: Path) -> None:
        file = data_dir / "jwt-secret"
        given = os.environ.get(f"{PREFIX}JWT_SECRET")
        if not given and not file.exists():
            write_private(file, token_hex(32))
        self._secret = given or file.read_text(encoding="utf-8")
        names = {field: os.environ.get(f"{PREFIX}{field.upper()}") for field in ("jwt_issuer", "jwt_audience")}
        self._settings = msgspec.structs.replace(
            Settings(jwt_secret=self._secret), **{field: name for field, name in names.items() if name}
        )

    @property
    def variables(self) -> dict[str, str]:
        """Settings of the API. Callbacks of the simulated gateway are not signed."""
        return {
            f"{PREFIX}JWT_SECRET": self._secret,
            f"{PREFIX}JWT_JWKS": "",
            f"{PREFIX}UNSIGNED_CALLBACKS": "true",
        }

    def of(self, role: Role) -> str:
        """A token of that role."""
        return minted(self._settings, role, _SUBS[role], _MONTH_SECONDS)
