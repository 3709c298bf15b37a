"""The answer of the handler that does nothing: one real answer, kept in a file for its process."""

import os
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec

from loadtest.bench.posting import Posting

ANSWER_VARIABLE = "BENCH_ANSWER_FILE"
"""The environment variable that names the file."""

_TIMEOUT_SECONDS = 10

# aiohttp writes these by itself. (`connection` says that urllib wants it closed.)
_OWN_HEADERS = {"connection", "content-length", "content-type", "date", "server"}


class Answer(msgspec.Struct, frozen=True):
    """A body, and the headers beside those that aiohttp adds by itself."""

    body: bytes
    headers: dict[str, str]


def record_answer(url: str, posting: Posting, file: Path) -> None:
    """Takes one hold and writes the answer to a file. Raises URLError if there is no server, or for a refusal."""
    request = Request(url, posting.body(f"answer-{file.name}-"), {"Content-Type": "application/json"})  # noqa: S310  # http
    with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # http
        if response.status != 201:
            raise URLError(f"status {response.status}")
        headers = {name: value for name, value in response.headers.items() if name.lower() not in _OWN_HEADERS}
        file.write_bytes(msgspec.msgpack.encode(Answer(response.read(), headers)))


def recorded_answer() -> Answer:
    """What `record_answer` wrote, in the process of the handler."""
    return msgspec.msgpack.decode(Path(os.environ[ANSWER_VARIABLE]).read_bytes(), type=Answer)
