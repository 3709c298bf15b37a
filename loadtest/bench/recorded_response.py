"""The answer of a handler that does nothing: one real answer, kept in a file for its process."""

import os
import socket
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from loadtest.bench.request_spec import RequestSpec

ANSWER_VARIABLE = "BENCH_ANSWER_FILE"
"""The environment variable that names the file."""

_TIMEOUT_SECONDS = 10

# aiohttp writes these by itself.
_OWN_HEADERS = {"content-length", "content-type", "date", "server"}


class Answer(msgspec.Struct, frozen=True):
    """A body, its status, and the headers beside those that aiohttp adds by itself."""

    body: bytes
    status: int
    headers: dict[str, str]


class Unanswered(Exception):
    """There is no server, or it refused."""


def record_answer(url: str, asking: RequestSpec, file: Path) -> None:
    """Asks once and writes the answer to a file. Raises Unanswered."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), _TIMEOUT_SECONDS) as connection:
            connection.sendall(asking.first(address.netloc, f"answer-{file.name}-"))
            response = HTTPResponse(connection)
            response.begin()
            body = response.read()
    except OSError as error:
        raise Unanswered(str(error)) from error
    if response.status >= 300:
        raise Unanswered(f"status {response.status}: {body.decode(errors='replace')}")
    headers = {name: value for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS}
    file.write_bytes(msgspec.msgpack.encode(Answer(body, response.status, headers)))


def recorded_answer() -> Answer:
    """The answer that `record_answer` wrote, in the process of the handler."""
    return msgspec.msgpack.decode(Path(os.environ[ANSWER_VARIABLE]).read_bytes(), type=Answer)
