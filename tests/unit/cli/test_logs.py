import json
import subprocess
import sys
from typing import Any

_PROGRAM = """
import logging, structlog
from cli.logs import configure_logs
configure_logs("info")
log = structlog.get_logger("shop")
structlog.contextvars.bind_contextvars(request_id="r-1")
log.debug("too quiet")
log.info("sold", places=2, to=object)
logging.getLogger("aiohttp.server").warning("slow %s", "client")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
"""


def _logged(program: str) -> list[dict[str, Any]]:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == ""
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_ours_and_others_logs_are_json_lines_with_the_request() -> None:
    sold, slow, broke = _logged(_PROGRAM)
    assert (sold["event"], sold["level"], sold["logger"], sold["places"]) == ("sold", "info", "shop", 2)
    assert (slow["event"], slow["level"], slow["logger"]) == ("slow client", "warning", "aiohttp.server")
    assert "ZeroDivisionError" in broke["exception"]
    assert {entry["request_id"] for entry in (sold, slow, broke)} == {"r-1"}
    assert sold["at"].endswith("Z")
