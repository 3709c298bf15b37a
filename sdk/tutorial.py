"""The code of docs/build-a-shop.md: `write` puts it where it is compiled, `run` runs it against `onsale dev`.

A block `ts NAME` is a part of that file. The block `text` after a file's last part is the output of that file.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[1]
_PAGE = _REPOSITORY / "docs" / "build-a-shop.md"
_PACKAGE = _REPOSITORY / "sdk" / "typescript"
_BLOCK = re.compile(r"^```(ts \S+|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_START_SECONDS = 120
_RUN_SECONDS = 60


def parts(page: str) -> tuple[dict[str, str], dict[str, str]]:
    """The content of each file, and the output of each that prints something."""
    files: dict[str, str] = {}
    outputs: dict[str, str] = {}
    name = ""
    for kind, text in _BLOCK.findall(page):
        if kind == "text":
            outputs[name] = text
        else:
            name = kind.removeprefix("ts ")
            files[name] = files.get(name, "") + text + "\n"
    return files, outputs


def write(folder: Path) -> None:
    """Writes the files of the tutorial."""
    folder.mkdir(exist_ok=True)
    for name, text in parts(_PAGE.read_text(encoding="utf-8"))[0].items():
        (folder / name).write_text(text, encoding="utf-8")


def run() -> list[str]:
    """Runs the compiled files. Returns a complaint about each that prints something else."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="onsale-tutorial-") as folder, _api(Path(folder)) as api_url:
        for name, expected in parts(_PAGE.read_text(encoding="utf-8"))[1].items():
            program = _PACKAGE / "dist" / "tutorial" / name.replace(".ts", ".js")
            ran = subprocess.run(  # noqa: S603  # the tutorial's own program
                ["node", str(program)],  # noqa: S607  # as a person finds it
                env=os.environ | {"API_URL": api_url},
                capture_output=True,
                text=True,
                timeout=_RUN_SECONDS,
                check=False,
            )
            if ran.returncode or ran.stdout != expected:
                wrong.append(f"{name} of docs/build-a-shop.md prints something else:\n{ran.stdout}{ran.stderr}")
    return wrong


@contextmanager
def _api(folder: Path) -> Iterator[str]:
    """`onsale dev --auth jwt` with data of its own; its address."""
    command = [sys.executable, "-m", "cli", "dev", "--auth", "jwt", "--port", "0", "--data-dir", str(folder / "data")]
    said = folder / "said"
    with said.open("w") as out:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdout=out, stderr=out)  # noqa: S603  # our own
    try:
        deadline = time.monotonic() + _START_SECONDS
        while "Ctrl-C stops everything." not in (text := said.read_text(encoding="utf-8")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(text)
            time.sleep(0.1)
        yield re.findall(r"Onsale is ready on (\S+)\. ", text)[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def main() -> int:
    """Writes or runs, as the first argument says; the exit status."""
    if sys.argv[1:] == ["write"]:
        write(_PACKAGE / "tutorial")
        return 0
    wrong = run()
    sys.stderr.write("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
