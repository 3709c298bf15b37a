import os
import re
from pathlib import Path

import pytest

from api.access.ip_addresses import trusted_networks
from api.http.cors import Cors
from cli.errors import WrongSettings
from cli.settings import settings_from_environment
from engine.settings import Settings, listed, load_settings
from sync.webhooks.allowed_addresses import AllowedAddresses


def test_nothing_given_is_every_default() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({"PATH": "/bin", "ONSALEX": "1"}) == Settings()


def test_every_setting_has_its_variable() -> None:
    for field in Settings.__struct_fields__:
        value = getattr(Settings(), field)
        changed: object = {"auth": "off"}.get(field, "other")
        if isinstance(value, int):
            changed = not value if isinstance(value, bool) else value - 1 if value > 1 else value + 1
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
        ("ONSALE_PARTITIONS", "16.0"),
        ("ONSALE_COMMAND_TIMEOUT_MS", "1e3"),
        ("ONSALE_COMMAND_TIMEOUT_MS", str(10**12)),
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
        ("ONSALE_WEBHOOK_HOSTS", "https://hooks.example", "hooks.example *.example"),
        ("ONSALE_WEBHOOK_HOSTS", "hooks.example:443", "hooks.example *.example"),
        ("ONSALE_WEBHOOK_PORTS", "443 http", "443 8443"),
        ("ONSALE_WEBHOOK_PORTS", "0", "443 8443"),
        ("ONSALE_CALLBACK_SECRETS", f"whsec_{'A' * 32} whsec_{'A' * 31}", "24 to 64 bytes"),
        ("ONSALE_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "10.0.0.0/8"),
        ("ONSALE_TRUSTED_PROXIES", "10.0.0.1/8", "host bits"),
        ("ONSALE_CORS_ORIGINS", "shop.example", "https://shop.example"),
        ("ONSALE_METRICS_TOKEN", "a b", "without spaces"),
        ("ONSALE_JWT_ISSUER", "", "must be given"),
        ("ONSALE_JWT_AUDIENCE", "on sale", "must be given"),
        ("ONSALE_SYNC_METRICS_HOST", "", "must be given"),
        ("ONSALE_REDIS_URL", "redis://127.0.0.1:port/0", "Port"),
        ("ONSALE_REDIS_URL", "redis://127.0.0.1/first", "database"),
        ("ONSALE_REDIS_URL", "redis:///0", "host"),
        ("ONSALE_POSTGRES_URL", "postgresql://127.0.0.1:99999/onsale", "Port"),
        ("ONSALE_GATEWAY_URL", "http://", "host"),
    ],
)
def test_messages_say_what_to_change(monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings) as complaint:
        settings_from_environment()
    assert name in str(complaint.value)
    assert remedy in str(complaint.value)


TEXTS = [name for name in Settings.__struct_fields__ if isinstance(getattr(Settings(), name), str)]
EXAMPLES = ["change-me", "change-me-redis", "change-me-this-has-32-characters-or-more", "CHANGEME", "Change_Me"]


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "auth"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_secrets_of_the_examples_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, example: str) -> None:
    variable = f"ONSALE_{name.upper()}"
    before = str(getattr(Settings(), name))
    monkeypatch.setenv(variable, before.replace("://", f"://onsale:{example}@") if "://" in before else example)
    with pytest.raises(WrongSettings, match=rf"{variable}[^;]* (is the example|is 'change|is 'Change|is 'CHANGE)"):
        settings_from_environment()


def test_an_example_in_the_characters_of_a_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSALE_REDIS_URL", "redis://onsale:change%2Dme-redis@127.0.0.1:6379/0")
    with pytest.raises(WrongSettings, match="ONSALE_REDIS_URL is the example") as complaint:
        settings_from_environment()
    assert "change" not in str(complaint.value), "no secret is shown, not even this one"


def test_the_examples_of_the_units_are_refused(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    """Copied and not changed, they start nothing."""
    for path in sorted((repository / "deploy" / "systemd").glob("*.env")):
        given = dict(re.findall(r"^(ONSALE_\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            with pytest.raises(WrongSettings, match="is the example of deploy/"):
                settings_from_environment()


def test_all_errors_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSALE_TRUSTED_PROXIES", "proxy")
    monkeypatch.setenv("ONSALE_GATEWAY_URL", "gateway")
    with pytest.raises(WrongSettings, match=r"TRUSTED_PROXIES.*GATEWAY_URL"):
        settings_from_environment()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ONSALE_TRUSTED_PROXIES", "10.0.0.0/8{}192.0.2.0/24"),
        ("ONSALE_WEBHOOK_NETWORKS", "10.0.0.0/8{}192.0.2.0/24"),
        ("ONSALE_CORS_ORIGINS", "https://a.example{}https://b.example"),
        ("ONSALE_WEBHOOK_HOSTS", "a.example{}*.b.example"),
        ("ONSALE_WEBHOOK_PORTS", "443{}8443"),
        ("ONSALE_CALLBACK_SECRETS", f"whsec_{'A' * 32}{{}}whsec_{'B' * 32}"),
    ],
)
def test_lists_take_spaces_and_commas_alike(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    for separator in (" ", ",", ", ", "\n", " , "):
        monkeypatch.setenv(name, text.format(separator))
        settings = settings_from_environment()
        assert len(listed(getattr(settings, name.removeprefix("ONSALE_").lower()))) == 2
    assert AllowedAddresses("10.0.0.0/8, 192.0.2.0/24").allows("192.0.2.1", "http")
    assert len(trusted_networks("10.0.0.0/8 192.0.2.0/24")) == 2
    Cors("https://a.example, https://b.example")


@pytest.mark.parametrize(
    ("given", "smaller"),
    [
        ({"REPLICA_ACKS": "1", "REPLICA_TIMEOUT_MS": "2000"}, "ONSALE_REPLICA_TIMEOUT_MS"),
        ({"REPLICA_ACKS": "1", "COMMAND_TIMEOUT_MS": "500"}, "ONSALE_REPLICA_TIMEOUT_MS"),
        ({"MAX_MANIFEST_BYTES": "1000"}, "ONSALE_MAX_BODY_BYTES"),
        ({"QUEUE_COMMANDS": "100"}, "ONSALE_BATCH_COMMANDS"),
        ({"PIN_SECONDS": "1"}, "ONSALE_GATEWAY_TIMEOUT_MS"),
        ({"JWKS_REFRESH_MS": "1000"}, "ONSALE_JWKS_PAUSE_MS"),
        ({"WEBHOOK_RETRY_MS": "60000", "WEBHOOK_WINDOW_SECONDS": "10"}, "ONSALE_WEBHOOK_RETRY_MS"),
    ],
)
def test_settings_that_depend_on_each_other(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], smaller: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"ONSALE_{name}", value)
    with pytest.raises(WrongSettings, match=smaller):
        settings_from_environment()


def test_the_wait_for_replicas_does_not_matter_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSALE_COMMAND_TIMEOUT_MS", "500")
    assert settings_from_environment().command_timeout_ms == 500


def test_the_settings_page_lists_every_setting_with_its_default(repository: Path) -> None:
    rows = re.findall(
        r"^\| `(ONSALE_\w+)` \| `([^`]*)` \| .+ \|$",
        (repository / "docs" / "settings.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    defaults = {f"ONSALE_{field.upper()}": str(getattr(Settings(), field)) for field in Settings.__struct_fields__}
    assert dict(rows) == defaults
    assert len(rows) == len(defaults)


def test_no_setting_of_the_one_who_tests_gets_in() -> None:
    assert not [name for name in os.environ if name.startswith("ONSALE_")], "unset these variables to test"
