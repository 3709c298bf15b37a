"""The verifier of docs/doors.md, run as it stands there."""

import asyncio
import re
import sys
from pathlib import Path

from tests.integration.api.doors.test_check_in import doors_of
from tests.support.api.api_client import Front

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_documented_verifier_uses_none_of_our_code_and_tells_good_from_forged(
    front: Front, repository: Path, tmp_path: Path
) -> None:
    (text,) = _PROGRAM.findall((repository / "docs" / "doors.md").read_text())
    assert not re.search(r"\b(engine|api|sync|cli|payments)\b", text)
    program = tmp_path / "verify.py"
    program.write_text(text)
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    await front.call("POST", f"{doors.path}/etickets/keys")
    shop, code = str(front.client.make_url("/")).rstrip("/"), eticket["code"]

    async def verified(shown: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(program), shop, str(doors.event["id"]), shown),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        return output.decode().strip()

    says = {"version": 1, "event": doors.event["id"], "serial": eticket["serial"], "issue": 0}
    assert await verified(code) == str(says)
    forged = code[:20] + ("0" if code[20] != "0" else "1") + code[21:]
    assert await verified(forged) == "None"
