"""Reading requests: JSON bodies, query parameters, ids in paths. What is wrong with them becomes a Problem."""

import asyncio
import re
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from api.keys import SETTINGS
from api.problems import Code, Problem, invalid, not_found, too_large
from api.wrong_fields import NO_CONTROLS, VISIBLE_ASCII, wrong_field
from engine.ids import MAX_EVENT_ID
from engine.words import CURRENCY

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROLS)]
"""Text for people: no control characters (Postgres holds no NUL)."""

CustomerId = Annotated[str, Meta(min_length=1, max_length=64, pattern=VISIBLE_ASCII)]
"""An id that the shop gave: visible ASCII characters."""

DatabaseId = Annotated[int, Meta(ge=1, le=MAX_EVENT_ID)]
"""An id that Postgres gave."""


CurrencyText = Annotated[str, Meta(min_length=1, max_length=16, extra_json_schema={"enum": [CURRENCY]})]
"""Documented as the only one there is; any other is refused with a code of its own (`check_currency`)."""

ALL_DIFFERENT = Meta(extra_json_schema={"uniqueItems": True})
"""Of a list whose handler refuses what is named twice."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object without members, or no body at all."""


_NOTHING = msgspec.json.Decoder(Nothing)
_JSON = "application/json"
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


async def read_body(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """The decoded JSON body.

    Raises Problem: unsupported_media_type, too_large, malformed_json, or invalid with the path of the field.
    """
    if request.headers.get(hdrs.CONTENT_TYPE) != _JSON and request.content_type != _JSON:
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON with Content-Type: application/json.")
    body = await read_bytes(request)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _check_json(body)  # the decoder stops at the first field that is wrong, maybe before what is no JSON
        raise wrong_field(error, decoder.type) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(error) from error


async def read_bytes(request: web.Request) -> bytes:
    """The body as it came. Raises Problem: too_large, or malformed_json if it does not come whole."""
    try:
        return _read_now(request) if request.content.is_eof() else await _read_in_time(request)
    except web.RequestPayloadError as error:  # not what its Content-Encoding says, or a bad chunk
        detail = "The body is not whole, or not in the Content-Encoding that it says; send it again."
        raise Problem(Code.MALFORMED_JSON, detail, headers={"Connection": "close"}) from error


async def read_no_body(request: web.Request) -> None:
    """For calls that take no body: an empty object is as good as none. Raises Problem as `read_body` does."""
    if request.body_exists:
        await read_body(request, _NOTHING)


def _check_json(body: bytes) -> None:
    """Raises Problem malformed_json."""
    try:
        msgspec.json.decode(body)
    except (msgspec.ValidationError, RecursionError):
        return  # JSON, but with a number or a depth that no field takes
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> Problem:
    return Problem(Code.MALFORMED_JSON, f"The body is not JSON: {error}.")


async def read_manifest(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """As read_body, for what names the rows or seats of a venue: as long as `max_manifest_bytes`."""
    max_bytes = request.app[SETTINGS].max_manifest_bytes
    try:
        return await read_body(request.clone(client_max_size=max_bytes), decoder)
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(max_bytes) from error


def _read_now(request: web.Request) -> bytes:
    """A body that is all there, as most are when their headers are. Raises HTTPRequestEntityTooLarge."""
    body = request.content.read_nowait()
    if len(body) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, len(body))
    return body


async def _read_in_time(request: web.Request) -> bytes:
    """A body that is not all there yet; a client that sends it slower than the settings allow is given up."""
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_timeout_ms / 1000):
            return await request.read()
    except TimeoutError as error:
        problem = Problem(Code.MALFORMED_JSON, "The body did not come in time; send it at once.")
        problem.headers["Connection"] = "close"
        raise problem from error


def read_query(request: web.Request, shape: type[S]) -> S:
    """The query parameters as a struct. Raises Problem invalid: unknown ones, repeated ones, wrong values."""
    query = request.query
    values: dict[str, Any] = {}
    for name, value in query.items():
        if name in values:
            raise invalid(name, "given more than once")
        values[name] = value
    try:
        asked = msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise wrong_field(error, shape, of="the query") from error
    for field in msgspec.structs.fields(shape):
        if field.encode_name in values and getattr(asked, field.name) is None:
            raise invalid(field.encode_name, "null is no value; leave the parameter out")
    return asked


def path_id(request: web.Request, name: str, what: str, *, largest: int = MAX_EVENT_ID) -> int:
    """An integer id from the path. Raises Problem not_found for what cannot be one."""
    text = request.match_info[name]
    if not _ID.fullmatch(text) or int(text) > largest:
        raise not_found(f"{what} {text!r}: its id is an integer")
    return int(text)
