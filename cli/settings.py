"""The settings of a process as a person gave them, and words for what is wrong with them.

All of them are judged here, before anything starts: a value that is first read by a request would fail each of them.
"""

import os
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

from api.access.ip_addresses import trusted_networks
from api.http.cors import Cors
from cli.errors import WrongSettings
from cli.logs import configure_logs
from engine.addresses import urls_of
from engine.errors import Misconfigured
from engine.settings import PREFIX, Settings, listed, load_settings
from sync.webhooks.allowed_addresses import AllowedAddresses

_SCHEMES = {
    "redis_url": ("redis", "rediss", "unix"),
    "postgres_url": ("postgresql", "postgres"),
    "gateway_url": ("http", "https"),
    "traces_url": ("http", "https"),
    "prometheus_url": ("http", "https"),
}
_MAY_BE_EMPTY = {"traces_url", "prometheus_url"}

_SECRET = re.compile(r"whsec_(?=[^=]{32,88}=*$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
"""As the specification of Standard Webhooks has it."""

_PLACEHOLDER = re.compile(r"change[^a-z0-9]{0,3}me", re.IGNORECASE)
"""The placeholder of secrets in deploy/. Everybody can read it there."""

_LEAST_CHARACTERS = 32
"""Of a secret that keys are derived from."""

_VISIBLE = re.compile(r"[!-~]+", re.ASCII)


def settings_from_environment() -> Settings:
    """Settings from `ONSALE_*`; logs go out from here on as they say. Raises WrongSettings with all that to change."""
    try:
        settings = load_settings(os.environ)
        configure_logs(settings.log_level)
    except ValueError as error:
        raise WrongSettings(str(error)) from error
    wrong = [*_wrong(settings), *_wrong_together(settings)]
    if wrong:
        raise WrongSettings("; ".join(wrong))
    return settings


def _wrong(settings: Settings) -> Iterator[str]:
    """The errors of single settings, as sentences without a full stop."""
    for field, check in _CHECKS.items():
        try:
            check(getattr(settings, field))
        except Misconfigured as error:
            yield str(error)
        except ValueError as error:
            yield f"{_variable(field)} {error}"
    for field, schemes in _SCHEMES.items():
        text = getattr(settings, field)
        urls = urls_of(text) if field == "redis_url" and text else [text]
        why_not = next(filter(None, (_why_no_url(url, schemes) for url in urls)), None)
        if why_not and (text or field not in _MAY_BE_EMPTY):
            yield f"{_variable(field)} {why_not}"
    for field in Settings.__struct_fields__:
        if _is_placeholder(getattr(settings, field)):
            yield (
                f"{_variable(field)} is the example of deploy/, which everybody can read: set a secret of your own "
                "(`onsale secrets` makes a file of them, `openssl rand -hex 32` one)"
            )


def _is_placeholder(value: object) -> bool:
    """True if a text has `change-me` in it, also as part of a URL."""
    return isinstance(value, str) and _PLACEHOLDER.search(unquote(value)) is not None


def _check_secrets(text: str) -> None:
    if not all(map(_SECRET.fullmatch, listed(text))):
        raise ValueError(
            "must be secrets with spaces or commas between, each `whsec_` and the base64 of 24 to 64 bytes"
        )


def _check_networks(text: str) -> None:
    try:
        trusted_networks(text)
    except ValueError as error:
        raise ValueError(f"must be networks like 10.0.0.0/8 with spaces or commas between: {error}") from error


def _check_hosts(text: str) -> None:
    try:
        AllowedAddresses("", hosts=text)
    except ValueError as error:
        raise ValueError(
            f"must be names like hooks.example *.example with spaces or commas between: {error}"
        ) from error


def _check_ports(text: str) -> None:
    try:
        AllowedAddresses("", ports=text)
    except ValueError as error:
        raise ValueError(f"must be ports like 443 8443 with spaces or commas between: {error}") from error


def _check_visible(text: str) -> None:
    if text and not _VISIBLE.fullmatch(text):
        raise ValueError("must be of visible ASCII characters, without spaces")


def _check_given(text: str) -> None:
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be given, in visible ASCII characters without spaces")


def _check_eticket_secrets(text: str) -> None:
    if not all(_VISIBLE.fullmatch(secret) and len(secret) >= _LEAST_CHARACTERS for secret in listed(text)):
        raise ValueError("must be secrets of 32 visible characters or more with spaces or commas between")


_CHECKS: dict[str, Callable[[str], object]] = {
    "callback_secrets": _check_secrets,
    "eticket_secrets": _check_eticket_secrets,
    "webhook_networks": _check_networks,
    "webhook_hosts": _check_hosts,
    "webhook_ports": _check_ports,
    "trusted_proxies": _check_networks,
    "cors_origins": Cors,
    "metrics_token": _check_visible,
    "jwt_issuer": _check_given,
    "jwt_audience": _check_given,
    "sync_metrics_host": _check_given,
}
"""The checks that raise ValueError, by setting.

The other texts are URLs, or are tried out when the API starts (api/access).
"""


def _why_no_url(text: str, schemes: tuple[str, ...]) -> str | None:
    """The error in a server's URL; None if there is no visible one."""
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  # raises for what is none
    except ValueError as error:
        return f"is no URL: {error}"
    if url.scheme not in schemes:
        return f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if url.scheme in ("http", "https", "redis", "rediss") and not url.hostname:
        return "must be a URL that names a host"
    if url.scheme in ("redis", "rediss") and not re.fullmatch(r"/?|/[0-9]+", url.path):
        return "must be a URL whose path is the number of a database, like /0"
    return None


def _wrong_together(settings: Settings) -> Iterator[str]:
    """The errors in settings of which one depends on the other."""
    s = settings
    for small, large, unless in (
        ("replica_timeout_ms", "command_timeout_ms", not s.replica_acks or s.replica_timeout_ms < s.command_timeout_ms),
        ("max_body_bytes", "max_manifest_bytes", s.max_body_bytes <= s.max_manifest_bytes),
        ("batch_commands", "queue_commands", s.batch_commands <= s.queue_commands),
        ("gateway_timeout_ms", "pin_seconds", s.gateway_timeout_ms < 1000 * s.pin_seconds),
        ("jwks_pause_ms", "jwks_refresh_ms", s.jwks_pause_ms <= s.jwks_refresh_ms),
        ("webhook_retry_ms", "webhook_window_seconds", s.webhook_retry_ms <= 1000 * s.webhook_window_seconds),
    ):
        if not unless:
            values = f"{getattr(s, small)} and {getattr(s, large)}"
            yield f"{_variable(small)} must be less than {_variable(large)}; they are {values}"


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"
