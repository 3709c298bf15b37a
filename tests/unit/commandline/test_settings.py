import os
import re
from pathlib import Path

import pytest

from cli.complaints import WrongSettings
from cli.environment import settings_from_environment
from engine.settings import Settings, load_settings


def test_nothing_given_is_every_default() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({"PATH": "/bin", "ONSALEX": "1"}) == Settings()


def test_every_setting_has_its_variable() -> None:
    for field in Settings.__struct_fields__:
        value = getattr(Settings(), field)
        changed = value + 1 if isinstance(value, int) else {"auth": "off"}.get(field, "other")
        assert getattr(load_settings({f"ONSALE_{field.upper()}": str(changed)}), field) == changed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONSALE_PARTITIONSS", "16"),
        ("ONSALE_PARTITIONS", "0"),
        ("ONSALE_PARTITIONS", "101"),
        ("ONSALE_PARTITIONS", "many"),
        ("ONSALE_COMMAND_TIMEOUT_MS", "-1"),
        ("ONSALE_COMMAND_TIMEOUT_MS", "1.5"),
        ("ONSALE_COMMAND_TIMEOUT_MS", ""),
        ("ONSALE_SYNC_METRICS_PORT", "65536"),
    ],
)
def test_a_variable_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}`"):
        load_settings({name: value})


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(load_settings({"ONSALE_REDIS_URL": "redis://:secret@host/0"}))


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("ONSALE_REDIS_URL", "127.0.0.1:6379", "redis://"),
        ("ONSALE_REDIS_URL", "http://127.0.0.1:6379", "redis://"),
        ("ONSALE_POSTGRES_URL", "mysql://127.0.0.1/onsale", "postgresql://"),
        ("ONSALE_GATEWAY_URL", "127.0.0.1:8090", "http://"),
        ("ONSALE_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("ONSALE_CALLBACK_SECRETS", "secret", "whsec_"),
        ("ONSALE_WEBHOOK_NETWORKS", "10.0.0.0/8 intranet", "10.0.0.0/8"),
        ("ONSALE_WEBHOOK_NETWORKS", "10.0.0.1/8", "host bits"),
        ("ONSALE_CALLBACK_SECRETS", f"whsec_{'A' * 32} whsec_{'A' * 31}", "24 to 64 bytes"),
    ],
)
def test_a_person_is_told_what_to_change(monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings) as complaint:
        settings_from_environment()
    assert name in str(complaint.value)
    assert remedy in str(complaint.value)


def test_the_readme_lists_every_setting_with_its_default(repository: Path) -> None:
    rows = re.findall(
        r"^\| `(ONSALE_\w+)` \| `([^`]*)` \| .+ \|$", (repository / "README.md").read_text(), re.MULTILINE
    )
    defaults = {f"ONSALE_{field.upper()}": str(getattr(Settings(), field)) for field in Settings.__struct_fields__}
    assert dict(rows) == defaults
    assert len(rows) == len(defaults)


def test_no_setting_of_the_one_who_tests_gets_in() -> None:
    assert not [name for name in os.environ if name.startswith("ONSALE_")], "unset these variables to test"
