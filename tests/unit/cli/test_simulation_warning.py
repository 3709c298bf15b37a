"""`onsale serve` says when nobody is charged."""

from pathlib import Path

from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from cli.gateway.app import create_gateway_app
from cli.serve import _warn_of_simulation
from engine.settings import Settings


async def test_a_simulated_gateway_is_warned_of_at_the_start(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with TestServer(create_gateway_app(tmp_path / "ledger.db")) as server:
            url = str(server.make_url("/"))
            await _warn_of_simulation(Settings(gateway_url=url))
        await _warn_of_simulation(Settings(gateway_url=url, gateway_timeout_ms=100))
    assert [(line["event"], line["log_level"]) for line in lines] == [("gateway_is_simulated", "warning")]
    assert "REHEARSAL ONLY" in lines[0]["remedy"]
