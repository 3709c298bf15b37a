"""Secrets are in no repr, no log line and no complaint."""

import logging
import subprocess
import sys
import time

import msgspec
import pytest

from api.access.jwks import check_key_settings
from cli.errors import WrongSettings
from cli.masking import masked
from cli.settings import settings_from_environment
from engine.errors import Misconfigured
from engine.settings import Settings, load_settings

CANARY = "c4n4ry"
TEXTS = [field.name for field in msgspec.structs.fields(Settings) if isinstance(getattr(Settings(), field.name), str)]


def test_settings_show_no_values() -> None:
    values = {f"ONSALE_{name.upper()}": CANARY for name in TEXTS if name != "auth"}
    settings = load_settings(values)
    assert all(getattr(settings, name) == CANARY for name in TEXTS if name != "auth"), "the canary is in all of them"
    for shown in (repr(settings), str(settings), f"{settings}", f"{[settings]!r}", logging.Formatter().format(
        logging.LogRecord("x", 20, "x", 1, "%s", (settings,), None)
    )):  # fmt: skip
        assert CANARY not in shown


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith("_url")])
def test_a_wrong_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"ONSALE_{name.upper()}", f"wrong://user:{CANARY}@host")
    with pytest.raises(WrongSettings) as complaint:
        settings_from_environment()
    assert CANARY not in str(complaint.value)


@pytest.mark.parametrize("settings", [Settings(jwt_secret=CANARY), Settings(jwt_secret=CANARY * 9, jwt_jwks=CANARY)])
def test_a_wrong_secret_is_not_repeated(settings: Settings) -> None:
    with pytest.raises(Misconfigured) as complaint:
        check_key_settings(settings)
    assert CANARY not in str(complaint.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pass@host/0", "redis://:***@host/0"),
        ("at postgresql://onsale:p:a@ss@host:5432/x, twice rediss://u:p@h", None),
        ("https://issuer.example/keys?a=b", "https://issuer.example/keys?a=b"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("it was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyMiJ9.c2ln there", "it was *** there"),
        ("mail a:b@c", "mail a:b@c"),
    ],
)
def test_masking(text: str, shown: str | None) -> None:
    if shown is None:
        assert masked(text) == "at postgresql://onsale:***@host:5432/x, twice rediss://u:***@h"
    else:
        assert masked(text) == shown


@pytest.mark.parametrize("piece", ["a", "://", "://a:", "a@", "eyJ", "-eyJ", "eyJa.", ".eyJa", "bearer ", " ", "%00"])
def test_masking_looks_at_each_character_once(piece: str) -> None:
    """A megabyte that somebody chose takes milliseconds; to look again and again would take minutes."""
    began = time.monotonic()
    masked(piece * (1_000_000 // len(piece)))
    assert time.monotonic() - began < 2


_PROGRAM = """
import logging, structlog
from cli.logs import configure_logs
configure_logs("info")
log = structlog.get_logger("shop")
log.warning("away", url="redis://onsale:c4n4ry@host/0", header="Bearer c4n4ry")
logging.getLogger("other").error("cannot reach %s", "postgresql://onsale:c4n4ry@host/onsale")
try:
    raise OSError("redis://onsale:c4n4ry@host")
except OSError:
    log.exception("broke")
"""


def test_logs_show_none() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    assert CANARY not in ran.stderr
    assert ran.stderr.count("***") >= 4


def test_complaints_show_none() -> None:
    """A command that cannot reach its servers says which, without the password."""
    environ = {"ONSALE_REDIS_URL": f"redis://onsale:{CANARY}@127.0.0.1:1/0", "ONSALE_START_PATIENCE_MS": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "cli", "library", "check"],
        env=environ | {"ONSALE_JWT_SECRET": CANARY},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert CANARY not in ran.stderr + ran.stdout
