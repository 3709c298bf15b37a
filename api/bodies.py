"""Reading requests: JSON bodies, query parameters, ids in paths. What is wrong with them becomes a Problem."""

import asyncio
import re
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.keys import SETTINGS
from api.problems import Code, Problem, invalid, not_found

T = TypeVar("T")

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text for people: no control characters (Postgres holds no NUL)."""

DatabaseId = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""An id that Postgres gave."""

_WHERE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:contains (?P<unknown>unknown)|missing required) field `(?P<field>.*)`$")
_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


async def read_body(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """The decoded JSON body.

    Raises Problem: unsupported_media_type, too_large, malformed_json, or invalid with the path of the field.
    """
    if request.content_type != "application/json":
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON with Content-Type: application/json.")
    body = await _read(request)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(Code.MALFORMED_JSON, f"The body is not JSON: {error}.") from error


async def _read(request: web.Request) -> bytes:
    """The raw body; a client that sends it slower than the settings allow is given up."""
    if request.content.is_eof():
        return await request.read()
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_timeout_ms / 1000):
            return await request.read()
    except TimeoutError as error:
        problem = Problem(Code.MALFORMED_JSON, "The body did not come in time; send it at once.")
        problem.headers["Connection"] = "close"
        raise problem from error


def read_query(request: web.Request, shape: type[T]) -> T:
    """The query parameters as a struct. Raises Problem invalid: unknown ones, repeated ones, wrong values."""
    query = request.query
    values: dict[str, Any] = {}
    for name, value in query.items():
        if name in values:
            raise invalid(name, "given more than once")
        values[name] = value
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from error


def path_id(request: web.Request, name: str, what: str) -> int:
    """An integer id from the path. Raises Problem not_found for what cannot be one."""
    text = request.match_info[name]
    if not _ID.fullmatch(text):
        raise not_found(f"{what} {text!r}: its id is an integer")
    return int(text)


def _invalid_field(error: str) -> Problem:
    """The problem of a msgspec error: `message - at `$.items[0].quantity``."""
    match = _WHERE.match(error)
    message, path = (match["message"], match["path"] or "$") if match else (error, "$")
    path = path.removeprefix("$").removeprefix(".")
    field = _FIELD.match(message)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
        message = "unknown field" if field["unknown"] else "required, but missing"
    return invalid(path, message)
