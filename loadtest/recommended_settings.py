"""The settings that docker-compose.yml and deploy/ give to each service, for rehearsals and tests with these."""

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from engine.settings import PREFIX, Settings, load_settings

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|[^}]*)\}")
_ADDRESSES = ("redis_url", "postgres_url", "gateway_url")


def of_compose(repository: Path, service: str) -> dict[str, Any]:
    """Settings of a service in `docker-compose.yml`, without addresses and secrets; its variables at their defaults."""
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))
    return _changes(compose["services"][service]["environment"])


def of_systemd(repository: Path, service: str) -> dict[str, Any]:
    """Settings of a service in the files under `deploy/systemd`, likewise."""
    given: dict[str, str] = {}
    for name in ("onsale.env", f"onsale-{service}.env"):
        for line in (repository / "deploy" / "systemd" / name).read_text(encoding="utf-8").splitlines():
            if line.startswith(PREFIX):
                variable, _, value = line.partition("=")
                given[variable] = value
    return _changes(given)


def _changes(environment: dict[str, str]) -> dict[str, Any]:
    ours = {
        name: _VARIABLE.sub(lambda match: match[2] or "x" * 40, value)
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    settings = load_settings({name: value for name, value in ours.items() if name.removeprefix(PREFIX) != "LOG_LEVEL"})
    given = {name.removeprefix(PREFIX).lower() for name in ours} - {"log_level", "metrics_token", "jwt_secret"}
    return {
        field.name: getattr(settings, field.name)
        for field in msgspec.structs.fields(Settings)
        if field.name in given and field.name not in _ADDRESSES
    }
