"""`onsale token`."""

import jwt
import pytest
from click.testing import CliRunner

from api.access.callers import Role
from api.access.tokens import Tokens
from cli.errors import UserError
from cli.main import onsale
from cli.tokens import mint_token
from engine.errors import Misconfigured
from engine.settings import Settings

SHARED = "a secret of thirty-two bytes or more"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ONSALE_JWT_SECRET", SHARED)
    return CliRunner()


async def test_made_tokens_are_accepted() -> None:
    settings = Settings(jwt_secret=SHARED, jwt_issuer="us", jwt_audience="shop")
    async with Tokens(settings) as tokens:
        for role in Role:
            caller = await tokens.caller(f"Bearer {mint_token(settings, role, 'a', 60)}")
            assert (caller.role, caller.sub, caller.events) == (role, "a", None)
        manager = mint_token(settings, Role.MANAGER, "a", 60, [3])
        assert (await tokens.caller(f"Bearer {manager}")).events == frozenset({3})


def test_the_command(run: CliRunner) -> None:
    made = run.invoke(onsale, ["token", "--role", "manager", "--sub", "boss", "--events", "1,2", "--ttl", "60"])
    claims = jwt.decode(made.output.strip(), SHARED, ["HS256"], audience="onsale")
    assert (claims["role"], claims["sub"], claims["events"]) == ("manager", "boss", [1, 2])
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    ("option", "start"),
    [
        (["--link"], "http://127.0.0.1:8080/console#token="),
        (["--link", "https://a.example/"], "https://a.example/console#token="),
    ],
)
def test_a_link_signs_a_manager_in_behind_the_hash(run: CliRunner, option: list[str], start: str) -> None:
    made = run.invoke(onsale, ["token", "--role", "manager", "--sub", "boss", *option]).output.strip()
    assert made.startswith(start)
    assert jwt.decode(made.removeprefix(start), SHARED, ["HS256"], audience="onsale")["role"] == "manager"


@pytest.mark.parametrize(
    ("role", "link", "remedy"),
    [("customer", "https://a.example", "--role manager"), ("manager", "a.example", "https://")],
)
def test_links_that_are_not_made(run: CliRunner, role: str, link: str, remedy: str) -> None:
    refused = run.invoke(onsale, ["token", "--role", role, "--sub", "a", "--link", link])
    assert isinstance(refused.exception, UserError)
    assert remedy in str(refused.exception)


@pytest.mark.parametrize("role", list(Role))
def test_roles_are_those_of_the_api(run: CliRunner, role: Role) -> None:
    assert run.invoke(onsale, ["token", "--role", role.value, "--sub", "a"]).exit_code == 0


@pytest.mark.parametrize(
    ("settings", "role", "sub", "events", "remedy"),
    [
        (Settings(), Role.CUSTOMER, "a", None, "openssl rand -hex 32"),
        (Settings(jwt_secret="s"), Role.CUSTOMER, "a", None, "32 bytes"),
        (Settings(jwt_secret=SHARED), Role.SERVICE, "a", [1], "--role manager"),
        (Settings(jwt_secret=SHARED), Role.CUSTOMER, "a b", None, "visible ASCII"),
    ],
)
def test_tokens_that_are_not_made(
    settings: Settings, role: Role, sub: str, events: list[int] | None, remedy: str
) -> None:
    with pytest.raises((UserError, Misconfigured), match=remedy):
        mint_token(settings, role, sub, 60, events)


def test_events_that_are_no_ids(run: CliRunner) -> None:
    assert run.invoke(onsale, ["token", "--role", "manager", "--sub", "a", "--events", "one"]).exit_code == 2
