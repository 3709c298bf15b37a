"""`python -m sdk.generate`: writes the generated files; with `--check`, fails if one of them is stale."""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from sdk.generate import postman, python, typescript
from sdk.generate.operations import Api

FOLDER = Path(__file__).resolve().parents[1]


def files() -> Mapping[str, str]:
    """The content of each generated file, by its path under `sdk/`."""
    api = Api()
    return {
        "typescript/src/operations.ts": typescript.operations(api),
        "typescript/src/problems.ts": typescript.problems(api),
        "typescript/src/examples.ts": typescript.examples(api),
        "python/onsale_client/models.py": _formatted(python.models(api)),
        "python/onsale_client/operations.py": _formatted(python.operations(api)),
        "postman/onsale.postman_collection.json": postman.collection(api),
    }


def _formatted(source: str) -> str:
    """Python as the project formats it."""
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "format", "--stdin-filename", "sdk/python/generated.py", "-"]
    ran = subprocess.run(command, input=source, capture_output=True, text=True, check=True, cwd=FOLDER.parent)  # noqa: S603  # our formatter
    return ran.stdout


def stale(folder: Path = FOLDER) -> list[str]:
    """The paths of files that differ from what the API is now."""
    return [
        name
        for name, text in files().items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Writes or checks; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sdk.generate")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file is stale")
    parser.add_argument("--document", action="store_true", help="write nothing, and print the OpenAPI document")
    options = parser.parse_args()
    if options.document:
        sys.stdout.write(msgspec.json.encode(Api().document).decode())
        return 0
    if options.check:
        late = stale()
        for name in late:
            sys.stderr.write(f"sdk/{name} is stale: run `make sdk` and commit what it writes\n")
        return 1 if late else 0
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
