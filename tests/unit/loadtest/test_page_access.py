"""Locust's page is for this machine, or for who has its password."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import pytest
from click.testing import CliRunner

from loadtest.drop.__main__ import main, page_options
from loadtest.drop.page_access import WsgiApp, for_loopback_alone, with_login


def page(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"start and stop"]


def status(app: WsgiApp, **environ: str) -> int:
    seen: list[str] = []
    body = b"".join(app(environ, lambda status, _headers: seen.append(status)))
    assert (b"start and stop" in body) == (seen == ["200 OK"])
    return int(seen[0].split()[0])


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize("host", ["127.0.0.1:8089", "localhost:8089", "[::1]:8089", "localhost", "127.0.0.1"])
def test_the_page_of_this_machine(host: str) -> None:
    assert status(for_loopback_alone(page), HTTP_HOST=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8089", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "10.0.0.1"]
)
def test_a_name_that_was_made_to_lead_here(host: str) -> None:
    expected = 200 if host == "[::1" else 403  # no browser sends that
    assert status(for_loopback_alone(page), HTTP_HOST=host) == expected


def test_elsewhere_the_page_wants_its_password() -> None:
    app = with_login(page, "secret")
    assert status(app, HTTP_AUTHORIZATION=basic("onsale:secret")) == 200
    for wrong in ("", "Basic", basic("onsale:"), basic("onsale:Secret"), basic(":secret"), "Bearer secret", "\u00e9"):
        assert status(app, HTTP_AUTHORIZATION=wrong) == 401
    assert status(app) == 401


def test_the_page_is_on_loopback_by_default() -> None:
    default = {option.name: option.default for option in main.params}["ui_host"]
    assert default == "127.0.0.1"
    command, environ = page_options(default, 8089, "")
    assert command == ["--autostart", "--web-host", "127.0.0.1", "--web-port", "8089"]
    assert environ == {"ONSALE_DROP_UI_PASSWORD": ""}


def test_a_page_for_others_has_a_password_that_is_made_if_none_is_given() -> None:
    assert page_options("0.0.0.0", 8089, "mine")[1] == {"ONSALE_DROP_UI_PASSWORD": "mine"}  # noqa: S104  # the point
    made = {page_options("0.0.0.0", 8089, "")[1]["ONSALE_DROP_UI_PASSWORD"] for _ in range(10)}  # noqa: S104  # an address in a test, nothing listens
    assert len(made) == 10
    assert all(len(password) >= 20 for password in made)


def test_the_help_says_so() -> None:
    assert "login" in CliRunner().invoke(main, ["--help"]).output
