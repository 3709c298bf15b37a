"""The settings of a process as a person gave them, and words for what is wrong with them."""

import os
import re
from urllib.parse import urlsplit

from cli.complaints import WrongSettings
from cli.logs import configure_logs
from engine.settings import PREFIX, Settings, load_settings
from sync.webhooks.addresses import Addresses

_SCHEMES = {
    "redis_url": ("redis", "rediss", "unix"),
    "postgres_url": ("postgresql", "postgres"),
    "gateway_url": ("http", "https"),
}

_SECRET = re.compile(r"whsec_(?=[^=]{32,88}=*$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
"""As the specification of Standard Webhooks has it."""


def settings_from_environment() -> Settings:
    """Settings from `ONSALE_*`; logs go out from here on as they say. Raises WrongSettings with what to change."""
    try:
        settings = load_settings(os.environ)
        configure_logs(settings.log_level)
    except ValueError as error:
        raise WrongSettings(str(error)) from error
    if not all(map(_SECRET.fullmatch, settings.callback_secrets.split())):
        raise WrongSettings(
            f"{PREFIX}CALLBACK_SECRETS must be secrets with spaces between, "
            "each `whsec_` and the base64 of 24 to 64 bytes"
        )
    try:
        Addresses(settings.webhook_networks)
    except ValueError as error:
        variable = f"{PREFIX}WEBHOOK_NETWORKS"
        raise WrongSettings(f"{variable} must be networks like 10.0.0.0/8 with spaces between: {error}") from error
    for field, schemes in _SCHEMES.items():
        if urlsplit(getattr(settings, field)).scheme not in schemes:
            variable = f"{PREFIX}{field.upper()}"
            raise WrongSettings(f"{variable} must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return settings
