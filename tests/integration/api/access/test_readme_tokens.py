"""The tutorial on tokens and roles, run as written against an API that requires tokens."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

from tests.integration.api.conftest import StartApi

SHARED = "a secret of thirty-two bytes or more"
_TIMEOUT_SECONDS = 60


async def test_tutorial_on_tokens_runs_as_written(start_api: StartApi, repository: Path) -> None:
    front = await start_api(auth="jwt", jwt_secret=SHARED)
    tutorial = (repository / "docs" / "tutorials" / "access.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", tutorial, re.DOTALL)
    assert commands
    script = commands[1].replace("http://127.0.0.1:8080", str(front.client.make_url("")).rstrip("/"))
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, env=os.environ | {"ONSALE_JWT_SECRET": SHARED}, cwd=repository, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        said, _ = await process.communicate()
    assert process.returncode == 0
    documents = [json.loads(f"{{{part}}}") for part in said.decode().strip()[1:-1].split("}{")]
    unknown, customers, mine, theirs, named, scoped = documents
    assert (unknown["code"], customers["code"]) == ("unauthenticated", "forbidden")
    assert (mine["status"], mine["customer"]["id"]) == ("held", "22")
    assert (theirs["code"], named["customer"]["id"], scoped["code"]) == ("not_found", "23", "forbidden")
