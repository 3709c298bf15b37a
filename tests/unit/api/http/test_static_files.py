"""Pages for browsers: a page that somebody smuggles something into must not be able to do anything with it."""

from pathlib import Path

import pytest

import api.console.handlers
import api.docs.handlers
import api.shop.handlers
from api.http.static_files import file_reply

POLICIES = [each.handlers._ONLY_OURS for each in (api.shop, api.docs, api.console)]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_complete(policy: str) -> None:
    """Directives that default-src does not cover are named."""
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'self'"
    assert all(directives[name] == "'none'" for name in ("object-src", "base-uri", "form-action", "frame-ancestors"))
    assert "unsafe" not in directives.get("script-src", "")


def test_a_file_is_what_it_says_and_tells_nobody_where_its_reader_was(tmp_path: Path) -> None:
    headers = file_reply(tmp_path / "page.html", 60, POLICIES[0]).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == POLICIES[0]
